import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { browserOpeners, canOpenBrowser, hasDisplay, openBrowser } from '../../src/terminal/browser.ts';
import { childEnvironment, helperEnvironment } from '../../src/child-environment.ts';
import { clipboardTools, copyToClipboard } from '../../src/terminal/clipboard.ts';

const linux = process.platform === 'linux';
let folder: string;
let env: Record<string, string>;

/** Puts a stand-in for a desktop's tool on the PATH: it notes its arguments, environment and input. */
function tool(name: string, ending = ''): void {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' "$#" "$@" > "${path}.args"\nenv > "${path}.env"\n${ending}\ncat > "${path}.in"\nmv "${path}.in" "${path}.input"\n`);
  chmodSync(path, 0o755);
}

function noted(name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'credsetup-desktop-'));
  env = { PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`, DISPLAY: ':99', CREDSETUP_PASSPHRASE: 'master-secret', BAO_TOKEN: 'master-secret', KEPT: 'yes' };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('The environment of children', () => {
  it('holds no CREDSETUP_ variable, however it is written', () => {
    expect(childEnvironment({ PATH: '/bin', CREDSETUP_TOKEN: 'x', credsetup_token: 'y', NOT_CREDSETUP_X: 'z', EMPTY: undefined })).toEqual({ PATH: '/bin', NOT_CREDSETUP_X: 'z' });
  });

  it('that we start for ourselves holds no token of a team\'s store, which opens all of it', () => {
    expect(helperEnvironment({ PATH: '/bin', BAO_TOKEN: 'x', vault_token: 'y', BAO_ADDR: 'z', CREDSETUP_TOKEN: 'x' })).toEqual({ PATH: '/bin', BAO_ADDR: 'z' });
  });
});

describe('The clipboard', () => {
  it.runIf(linux)('gets a secret on standard input, not in an argument or a variable', async () => {
    tool('xclip');
    expect(await copyToClipboard('s3cret ü', env)).toBe(true);
    expect(noted('xclip.input')).toBe('s3cret ü');
    expect(noted('xclip.args')).toBe('2\n-selection\nclipboard\n');
    expect(noted('xclip.env')).toContain('KEPT=yes');
    expect(noted('xclip.env')).not.toMatch(/s3cret|CREDSETUP|master-secret/);
  });

  it.runIf(linux)('is tried with the next tool when one is missing or fails', async () => {
    tool('xclip', 'exit 1');
    tool('xsel');
    expect(await copyToClipboard('s3cret', env)).toBe(true);
    expect(noted('xsel.input')).toBe('s3cret');
  });

  it.runIf(linux)('is done although the tool stays in the background', async () => {
    writeFileSync(join(folder, 'xclip'), `#!/bin/sh\ncat > /dev/null\nsleep 5 &\nexit 0\n`, { mode: 0o755 });
    const begun = performance.now();
    expect(await copyToClipboard('s3cret', env)).toBe(true);
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  it.runIf(linux)('is given up after three seconds', async () => {
    writeFileSync(join(folder, 'xclip'), '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
    const begun = performance.now();
    expect(await copyToClipboard('s3cret'.repeat(100_000), { ...env, PATH: `${folder}:/bin:/usr/bin` })).toBe(false);
    expect(performance.now() - begun).toBeLessThan(8_000);
  });

  it.runIf(linux)('is not there without a desktop', async () => {
    tool('xclip');
    expect(await copyToClipboard('s3cret', { PATH: env['PATH'] })).toBe(false);
    expect(existsSync(join(folder, 'xclip.args'))).toBe(false);
  });

  it('is each system\'s own', () => {
    const names = (
      system: NodeJS.Platform, variables: Record<string, string> = {},
    ): string[] => clipboardTools(system, variables).map(({ command }) => command);
    expect(names('darwin')).toEqual(['pbcopy']);
    expect(names('win32')).toEqual(['clip.exe']);
    expect(names('linux', { WAYLAND_DISPLAY: 'wayland-0', DISPLAY: ':0' })).toEqual(['wl-copy', 'xclip', 'xsel']);
    expect(names('linux', { WSL_DISTRO_NAME: 'Debian' })).toEqual(['clip.exe']);
    expect(clipboardTools('win32', {})[0]?.encode('ü').toString('hex')).toBe('fffefc00');
  });
});

describe('The browser', () => {
  const address = 'http://127.0.0.1:18265/start/abc?x=1&y=$(touch-pwned);z';
  /** No browser of this machine, and no desktop's settings. */
  const browser = (named?: string): Record<string, string> => ({
    PATH: `${folder}:/usr/bin:/bin`, DISPLAY: ':99', HOME: folder, XDG_DATA_HOME: folder, XDG_DATA_DIRS: folder, XDG_CONFIG_HOME: folder, XDG_CONFIG_DIRS: folder,
    CREDSETUP_PASSPHRASE: 'master-secret', BAO_TOKEN: 'master-secret', KEPT: 'yes', ...(named === undefined ? {} : { BROWSER: named }),
  });
  /** A stand-in that fails: each of the system's ways comes to one. */
  const failing = (...names: readonly string[]): void => {
    for (const name of names) writeFileSync(join(folder, name), `#!/bin/sh\nprintf '%s\\n' "$@" >> "${folder}/failed"\nexit 4\n`, { mode: 0o755 });
  };

  it.runIf(linux).each([
    ['that BROWSER names', (name: string) => name, [address]],
    ['whose words BROWSER gives', (name: string) => `${name} --new-window '--profile=my work' %s --last`, ['--new-window', '--profile=my work', address, '--last']],
    ['that comes first in the list and is there', (name: string) => `:not-installed-here:w3m:${name} "a b":never-reached`, ['a b', address]],
    ['whose percent sign is one', (name: string) => `${name} 100%% %%s`, ['100%', '%s', address]],
    ['that a shell would leave to itself', (name: string) => `${name} %s &`, [address]],
  ])('%s gets the address as one argument, and no CREDSETUP_ variable', async (_which, named, args) => {
    tool('my-browser');
    expect(await openBrowser(address, browser(named(join(folder, 'my-browser'))))).toBe(true);
    expect(noted('my-browser.args')).toBe(`${[args.length, ...args].join('\n')}\n`);
    expect(noted('my-browser.env')).toContain('KEPT=yes');
    expect(noted('my-browser.env')).not.toMatch(/CREDSETUP|master-secret/);
  });

  it.runIf(linux)('is the system\'s where BROWSER names none', async () => {
    tool('xdg-open');
    expect(await openBrowser(address, browser())).toBe(true);
    expect(noted('xdg-open.args')).toBe(`1\n${address}\n`);
    expect(noted('xdg-open.env')).not.toMatch(/CREDSETUP|master-secret/);
  });

  it.runIf(linux)('is not open when everything that could open it fails, and each was tried once', async () => {
    failing('my-browser', 'xdg-open', 'gio', 'x-www-browser');
    expect(await openBrowser(address, browser('my-browser'))).toBe(false);
    expect(noted('failed')).toBe(`${[address, address, 'open', address, address].join('\n')}\n`);
  });

  it.runIf(linux)('is not open when its helper is killed, or when nothing of the kind is installed', async () => {
    writeFileSync(join(folder, 'my-browser'), '#!/bin/sh\nkill -9 $$\n', { mode: 0o755 });
    expect(await openBrowser(address, { PATH: folder, BROWSER: join(folder, 'my-browser'), DISPLAY: ':99' })).toBe(false);
  });

  it.runIf(linux)('is left to what comes next when what BROWSER names fails, which then does not begin with it again', async () => {
    failing('my-browser');
    tool('xdg-open');
    expect(await openBrowser(address, browser('my-browser'))).toBe(true);
    expect(noted('xdg-open.env')).not.toContain('BROWSER=');
  });

  it.runIf(linux)('is open when it stays in the foreground, and goes on when the wizard is done', async () => {
    writeFileSync(join(folder, 'my-browser'), `#!/bin/sh\necho $$ > "${folder}/pid"\nexec sleep 60\n`, { mode: 0o755 });
    expect(await openBrowser(address, browser(join(folder, 'my-browser')))).toBe(true);
    const pid = Number(noted('pid'));
    // Its own group: what a terminal sends to the wizard's does not reach it.
    expect(execFileSync('ps', ['-o', 'pgid=', '-p', String(pid)], { encoding: 'utf8' }).trim()).toBe(String(pid));
    process.kill(pid);
  });

  it.each(['file:///etc/passwd', 'javascript:alert(1)', '-a Calculator', ' http://x', 'ftp://x/', 'vscode://x', 'https://user:pw@x/', '', 'http:x'])('is not started with %j', async (url) => {
    tool('my-browser');
    expect(await openBrowser(url, browser(join(folder, 'my-browser')))).toBe(false);
    expect(existsSync(join(folder, 'my-browser.args'))).toBe(false);
  });

  it('is opened by each system\'s own means, none of which is a shell', () => {
    const lines = (
      system: NodeJS.Platform, env: Record<string, string> = {},
    ): readonly string[] => browserOpeners(system, env, 'http://x/?a=1&b').map(({ command, args }) => [command, ...args].join(' '));
    expect(lines('darwin')).toEqual(['/usr/bin/open http://x/?a=1&b']);
    expect(lines('win32', { SystemRoot: 'D:\\Win' })).toEqual(['D:\\Win\\System32\\rundll32.exe url.dll,FileProtocolHandler http://x/?a=1&b']);
    expect(lines('win32', { BROWSER: '"C:\\Program Files\\b.exe" -x;c' }).slice(0, 2)).toEqual(['C:\\Program Files\\b.exe -x http://x/?a=1&b', 'c http://x/?a=1&b']);
    expect(lines('linux', { WSL_DISTRO_NAME: 'Debian' }).slice(0, 2)).toEqual(['wslview http://x/?a=1&b', 'rundll32.exe url.dll,FileProtocolHandler http://x/?a=1&b']);
    expect(lines('linux', { DISPLAY: ':0' })).toEqual(['xdg-open http://x/?a=1&b', 'gio open http://x/?a=1&b', 'x-www-browser http://x/?a=1&b']);
    // An editor that works on this machine over SSH names a helper that opens it on the person's own.
    expect(lines('linux', { SSH_CONNECTION: '1.2.3.4 5 6.7.8.9 22', BROWSER: '/home/ada/.vscode-server/helpers/browser.sh' })).toEqual(['/home/ada/.vscode-server/helpers/browser.sh http://x/?a=1&b']);
  });

  it.runIf(linux)('is said to be there only where a program for it is', async () => {
    expect(await canOpenBrowser('linux', { PATH: folder, DISPLAY: ':0' })).toBe(false);
    tool('xdg-open');
    expect(await canOpenBrowser('linux', { PATH: folder, DISPLAY: ':0' })).toBe(true);
    expect(await canOpenBrowser('linux', { PATH: folder })).toBe(false);
    expect(await canOpenBrowser('linux', { PATH: folder, BROWSER: join(folder, 'xdg-open') })).toBe(true);
  });

  it('is not started where nobody would see it', () => {
    expect(hasDisplay('linux', {})).toBe(false);
    expect(hasDisplay('linux', { DISPLAY: '' })).toBe(false);
    expect(hasDisplay('linux', { DISPLAY: ':0' })).toBe(true);
    expect(hasDisplay('linux', { WAYLAND_DISPLAY: 'wayland-0' })).toBe(true);
    expect(hasDisplay('linux', { DISPLAY: 'localhost:10', SSH_CONNECTION: '1.2.3.4 5 6.7.8.9 22' })).toBe(false);
    expect(hasDisplay('darwin', {})).toBe(true);
    expect(hasDisplay('darwin', { SSH_TTY: '/dev/ttys001' })).toBe(false);
    expect(hasDisplay('win32', {})).toBe(true);
  });
});
