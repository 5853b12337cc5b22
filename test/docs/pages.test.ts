import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands, optionsOf } from '../../src/commands/catalog.ts';
import { exitCodes, type ErrorCode } from '../../src/errors.ts';
import { credsetup } from '../program.ts';
import { anchorsOf, page, pages, root } from './pages.ts';

/** What scripts never see as a code: a signal is told by its number, a reader that left by silence. */
const silent = ['SIGHUP', 'SIGTERM', 'BROKEN_PIPE'];
const codes = (Object.keys(exitCodes) as ErrorCode[]).filter((code) => !silent.includes(code));

interface Link {
  readonly page: string;
  readonly target: string;
  readonly anchor: string;
}

const links: readonly Link[] = pages.flatMap((path) => [...page(path).matchAll(/(?:\]\(|src(?:set)?=")(?!https?:)([^)\s"#]*)(?:#([^)\s"]*))?[)"\s]/g)].map(([, target = '', anchor = '']) => ({
  page: path, target: target === '' ? path : normalize(join(dirname(path), target)).replaceAll('\\', '/'), anchor,
})));

describe('the pages for people', () => {
  it('link to what is there: files, and headings in them', () => {
    expect(links.length).toBeGreaterThan(20);
    expect(links.filter(({ target }) => !existsSync(join(root, target)))).toEqual([]);
    expect(links.filter(({ target, anchor }) => anchor !== '' && !anchorsOf(target).has(anchor))).toEqual([]);
  });

  it('are all linked from the README', () => {
    const linked = new Set(links.filter(({ page: from }) => from === 'README.md').map(({ target }) => target));
    expect(pages.filter((path) => path !== 'README.md' && !linked.has(path))).toEqual([]);
  });

  it('name no option and no command that there is not', () => {
    const options = new Set(commands.flatMap((command) => optionsOf(command)).map(({ flags }) => /--[a-z0-9-]+/.exec(flags)?.[0]));
    // What other programs' command lines take is theirs.
    const foreign = /\b(?:n8n import:|docker |podman |npm |npx |node |age|bao |systemctl |systemd|loginctl |php |git |vitest |apt)[^`\n|]*/g;
    const words = pages.filter((path) => !['CONTRIBUTING.md', 'docs/architecture.md', 'docs/releasing.md', 'docs/cli.md', 'CHANGELOG.md'].includes(path)).flatMap((path) => {
      const text = page(path).replace(/docker run --env-file/g, '').replace(foreign, '').replace(/^.*npm run practice.*$/gm, '');
      return [...text.matchAll(/(?<![\w-])--[a-z][a-z0-9-]+/g)].map(([option]) => `${path}: ${option}`);
    });
    expect(words.length).toBeGreaterThan(100);
    expect(words.filter((word) => !options.has(word.split(': ')[1]) && !/: --(?:help|version)$/.test(word))).toEqual([]);
    const names = new Set([...commands.map(({ name }) => name), 'help']);
    const called = pages.flatMap((path) => [...page(path).matchAll(/`credsetup ([a-z][\w-]*)/g)].map(([, word = '']) => word));
    expect(called.filter((word) => !names.has(word))).toEqual([]);
  });

  it('tell every command in docs/commands.md', () => {
    expect(commands.map(({ name }) => name).filter((name) => !page('docs/commands.md').includes(`credsetup ${name}`))).toEqual([]);
  });
});

describe('docs/errors.md', () => {
  const text = page('docs/errors.md');
  const groups = text.split(/^## /m).slice(1).map((group) => ({
    exits: (/\(exit ([\d, ]+)\)/.exec(group.split('\n')[0] ?? '')?.[1] ?? '').split(', ').map(Number),
    sections: group.split(/^### /m).slice(1).map((section) => {
      const [code = '', ...lines] = section.split('\n');
      return { code, text: lines.join('\n') };
    }),
  }));
  const sections = groups.flatMap((group) => group.sections);

  it('has a section for each code that the program has, once, and no other', () => {
    expect(sections.map(({ code }) => code).sort()).toEqual([...codes].sort());
  });

  it('puts each under the exit code that it has', () => {
    const misplaced = groups.flatMap(({ exits, sections: its }) => its.filter(({ code }) => !exits.includes(exitCodes[code as ErrorCode])));
    expect(misplaced.map(({ code }) => code)).toEqual([]);
  });

  it('gives each a cause and a repair, in a few lines', () => {
    for (const { code, text: section } of sections) {
      const [cause = '', repair = '', ...rest] = section.trim().split('\n\n');
      expect(cause.length, code).toBeGreaterThan(20);
      expect(repair, code).toMatch(/^\*\*Repair:\*\* .{10}/);
      expect(rest, code).toEqual([]);
      expect(section.length, code).toBeLessThan(700);
    }
  });
});

describe('credsetup help CODE', () => {
  it('prints the section of the page, without its marks and within 80 columns, from anywhere', async () => {
    const { exitCode, stdout, stderr } = await credsetup(['help', 'TOKEN_REJECTED'], { cwd: '/', env: { HOME: '/proc/none', LANG: 'C' } });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^TOKEN_REJECTED \(exit 7\)\n\n[\s\S]*\n\nRepair: [\s\S]*Access Token/);
    expect(stdout).not.toMatch(/\*\*|`|\]\(/);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('takes a code in small letters, and gives one document with --json', async () => {
    const done = await credsetup(['help', 'refresh_rejected', '--json']);
    expect(done.json()).toEqual({ code: 'REFRESH_REJECTED', exitCode: 7, text: expect.stringMatching(/reconnect NAME/) });
  });

  it('stays the help of commands, and names what is neither', async () => {
    expect((await credsetup(['help', 'list'])).stdout).toMatch(/^Usage: credsetup list/);
    const neither = await credsetup(['help', 'SIGTERM']);
    expect(neither).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringContaining('There is no command "SIGTERM".') });
  });

  it('is named by each error, on a line of its own and once', async () => {
    const done = await credsetup(['get', 'nothing'], { env: { CREDSETUP_STORE: 'none' } });
    expect(done.stderr.match(/credsetup help [A-Z_]+/g)).toEqual([`credsetup help ${/\(([A-Z_]+)\)/.exec(done.stderr)![1]!}`]);
    expect(done.stderr).toMatch(/\n {2}More: credsetup help [A-Z_]+\n$/);
  });
});
