/** Completions in the real shells, with an index that somebody poisoned. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, programPath } from '../program.ts';
import { has } from '../tools.ts';
import { errorOf, folder, mattermostServer, script, storeMattermost, type Script } from './support.ts';

let home: Script;
let bin: string;
beforeAll(async () => {
  home = script();
  await storeMattermost(home, await mattermostServer({ tokensEnabled: true }), 'chat-one');
  bin = folder();
  symlinkSync(programPath, join(bin, 'credsetup'));
});

/** What a shell proposes behind these words; the last one is begun. */
type Propose = (words: readonly string[], one?: Script) => string[];

function shell(command: string, args: readonly string[], one: Script): string[] {
  const env = cleanEnvironment({ ...one.env, PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: folder() });
  const done = spawnSync(command, args, { env, encoding: 'utf8', cwd: one.home });
  expect(done.status, done.stderr).toBe(0);
  return done.stdout.split('\n').map((line) => line.split('\t')[0] ?? '').filter((line) => line !== '').sort();
}

const shells: Readonly<Record<'bash' | 'zsh' | 'fish', Propose>> = {
  bash: (words, one = home) => shell('bash', ['--norc', '-c', 'source <(credsetup completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _credsetup 2>/dev/null; printf "%s\\n" "${COMPREPLY[@]}"', 'bash', ...words], one),
  // zsh proposes in its line editor only: what the function hands to compadd is what it would show.
  zsh: (words, one = home) => shell('zsh', ['-f', '-c', 'compdef() { : }; compadd() { shift; local w; for w in "$@"; do [[ "$w" == "${asked[-1]}"* ]] && print -r -- "$w"; done }; source <(credsetup completion zsh); asked=("$@"); words=("$@"); CURRENT=$#; _credsetup; true', 'zsh', ...words], one),
  fish: (words, one = home) => shell('fish', ['--no-config', '-c', `credsetup completion fish | source; complete -C '${words.join(' ')}'`], one),
};

describe.each(['bash', 'zsh', 'fish'] as const)('completion in %s', (kind) => {
  const propose = shells[kind];

  it.skipIf(!has(kind))('proposes commands, names of stored credentials, options and their words', () => {
    expect(propose(['credsetup', 're'])).toEqual(expect.arrayContaining(['reconnect', 'refresh', 'remove', 'rename']));
    expect(propose(['credsetup', 'get', 'ch'])).toEqual(['chat-one']);
    expect(propose(['credsetup', 'export', '--form'])).toEqual(['--format']);
    expect(propose(['credsetup', 'export', '--format', 'ku'])).toEqual(['kubernetes']);
  });

  it.skipIf(!has(kind))('runs nothing that somebody wrote into the index', () => {
    const poisoned = script();
    const words = ['$(touch pwned)', '`touch pwned`', '; touch pwned', "'; touch pwned; '", '-o plusdirs'];
    const entry = (JSON.parse(readFileSync(join(home.home, 'index.json'), 'utf8')) as { entries: { credential: object; key: string }[] }).entries[0]!;
    const entries = words.map((name, index) => ({ ...entry, key: index.toString(16).padStart(32, '0'), credential: { ...entry.credential, name } }));
    writeFileSync(join(poisoned.home, 'index.json'), JSON.stringify({ version: 1, entries, certificates: {}, pending: [], leftovers: [] }), { mode: 0o600 });
    const proposed = propose(['credsetup', 'get', ''], poisoned);
    expect(proposed.filter((one) => words.includes(one))).toEqual([]);
    expect(existsSync(join(poisoned.home, 'pwned'))).toBe(false);
  });
});

describe('completion', () => {
  it('knows three shells, and says so', async () => {
    expect(errorOf(await home.run(['completion', 'tcsh', '--json']))).toMatchObject({ code: 'USAGE' });
  });
});
