import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hasDisplay, openBrowser } from '../../src/terminal/browser.ts';
import { childEnvironment } from '../../src/child-environment.ts';
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
  env = { PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`, DISPLAY: ':99', CREDSETUP_PASSPHRASE: 'master-secret', KEPT: 'yes' };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('The environment of children', () => {
  it('holds no CREDSETUP_ variable, however it is written', () => {
    expect(childEnvironment({ PATH: '/bin', CREDSETUP_TOKEN: 'x', credsetup_token: 'y', NOT_CREDSETUP_X: 'z', EMPTY: undefined })).toEqual({ PATH: '/bin', NOT_CREDSETUP_X: 'z' });
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
  // `open` brings its own xdg-open; without any desktop file of the machine's it starts $BROWSER.
  const browser = (): Record<string, string> => ({
    ...env, HOME: folder, XDG_DATA_HOME: folder, XDG_DATA_DIRS: folder, XDG_CONFIG_HOME: folder, XDG_CONFIG_DIRS: folder, BROWSER: join(folder, 'my-browser'),
  });

  it.runIf(linux)('gets the address as one argument, and no CREDSETUP_ variable', async () => {
    tool('my-browser');
    const url = 'http://127.0.0.1:18265/start/abc?x=1&y=$(touch-pwned);z';
    expect(await openBrowser(url, browser())).toBe(true);
    await vi.waitFor(() => expect(existsSync(join(folder, 'my-browser.input'))).toBe(true), 10_000);
    expect(noted('my-browser.args')).toBe(`1\n${url}\n`);
    expect(noted('my-browser.env')).toContain('KEPT=yes');
    expect(noted('my-browser.env')).not.toMatch(/CREDSETUP|master-secret/);
  });

  it.each(['file:///etc/passwd', 'javascript:alert(1)', '-a Calculator', ' http://x', 'ftp://x/', 'vscode://x', 'https://user:pw@x/', '', 'http:x'])('is not started with %j', async (url) => {
    tool('my-browser');
    expect(await openBrowser(url, browser())).toBe(false);
    expect(existsSync(join(folder, 'my-browser.args'))).toBe(false);
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
