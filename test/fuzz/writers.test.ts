/** What the writers write is read back by real readers: shells, dotenv, python-dotenv, Docker by its own rules. */
import { spawnSync } from 'node:child_process';
import { parse as parseDotenv } from 'dotenv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCredsetupError } from '../../src/errors.ts';
import type { Exporter } from '../../src/exporters/export.ts';
import { toDockerEnv } from '../../src/exporters/docker-env.ts';
import { toDotenv } from '../../src/exporters/dotenv.ts';
import { toShell } from '../../src/exporters/shell.ts';
import { anyText, chat, crm, oneLine, plain } from '../exporters/support.ts';
import { inputs } from '../generated.ts';
import { has } from '../tools.ts';

/** Many values by one process of the reader, in portions that a pipe takes. */
function inPortions(values: fc.Arbitrary<string>, few: number, check: (portion: readonly string[]) => void): void {
  const { seed = Date.now() } = fc.readConfigureGlobal();
  const { numRuns } = inputs(few);
  const all = fc.sample(values, { numRuns, seed });
  for (let at = 0; at < all.length; at += 500) check(all.slice(at, at + 500));
}

/** The text, or undefined for a value that the format cannot carry and says so. */
function written(exporter: Exporter, token: string, prefix?: string): string | undefined {
  try {
    return exporter([chat(token), crm('next')].slice(0, prefix === undefined ? 2 : 1), prefix === undefined ? plain : { ...plain, prefix });
  } catch (error) {
    if (isCredsetupError(error) && error.code === 'UNSUPPORTED') return undefined;
    throw error;
  }
}

const shells = ['sh', 'bash', 'dash', 'zsh'].map((shell) => spawnSync('which', [shell]).stdout.toString().trim()).filter((path) => path !== '');

describe.each(shells)('what is written for a shell, read by %s', (shell) => {
  it('is every character of the value, and runs nothing', () => {
    inPortions(anyText, 500, (portion) => {
      const script = [...portion.map((token, at) => toShell([chat(token)], { ...plain, prefix: `V${at}` })), ...portion.map((_, at) => `printf '%s\\0' "$V${at}_TOKEN"`)].join('\n');
      const { stdout, stderr, status } = spawnSync(shell, [], { input: script, env: { PATH: '/nowhere' }, maxBuffer: 1 << 26 });
      expect([status, stderr.toString()]).toEqual([0, '']);
      expect(stdout.toString().split('\0').slice(0, -1)).toEqual(portion);
    });
  });
});

describe('what is written for dotenv', () => {
  it('is every character of the value to the npm package, or is refused', () => {
    let carried = 0;
    fc.assert(fc.property(anyText, (token) => {
      const text = written(toDotenv, token);
      if (text === undefined) return;
      carried += 1;
      expect(parseDotenv(text)).toMatchObject({ MATTERMOST_TOKEN: token, MAUTIC_PASSWORD: 'next' });
    }), inputs(1000));
    expect(carried).toBeGreaterThan(0);
  });

  it.skipIf(!has('python-dotenv'))('is every character of the value to python-dotenv, where it does not say otherwise', () => {
    const script = 'import sys, json, io, dotenv\nprint(json.dumps([dotenv.dotenv_values(stream=io.StringIO(t, newline="")) for t in json.load(sys.stdin)]))';
    inPortions(anyText, 500, (portion) => {
      const texts = portion.flatMap((token) => {
        const text = written(toDotenv, token);
        return text === undefined || text.includes('python-dotenv does not') ? [] : [{ token, text }];
      });
      const { stdout, status } = spawnSync('python3', ['-c', script], { input: JSON.stringify(texts.map(({ text }) => text)), maxBuffer: 1 << 26, env: { PATH: process.env['PATH'], PYTHONIOENCODING: 'utf-8' } });
      expect(status).toBe(0);
      const read = JSON.parse(stdout.toString()) as Record<string, string>[];
      expect(read.map((one) => one['MATTERMOST_TOKEN'])).toEqual(texts.map(({ token }) => token));
      expect(read.every((one) => one['MAUTIC_PASSWORD'] === 'next')).toBe(true);
    });
  });
});

/** As docker/cli reads an environment file (pkg/kvfile): spaces before a name, comments, all behind the first `=`. */
function asDockerReads(text: string): Record<string, string> {
  const lines = text.replace(/^\ufeff/, '').split('\n').map((line) => line.replace(/\r$/, '').replace(/^[ \t\v\f\r\u0085\u00a0]+/, ''));
  return Object.fromEntries(lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
    const at = line.indexOf('=');
    if (at <= 0 || /\s/.test(line.slice(0, at))) throw new Error(`Docker refuses this line: ${line}`);
    return [line.slice(0, at), line.slice(at + 1)] as const;
  }));
}

describe('what is written for Docker', () => {
  it('is every character of the value, or is refused for a line end', () => {
    fc.assert(fc.property(fc.oneof(oneLine, anyText), (token) => {
      const text = written(toDockerEnv, token);
      expect(text === undefined).toBe(/[\r\n]/.test(token));
      if (text !== undefined) expect(asDockerReads(text)).toMatchObject({ MATTERMOST_TOKEN: token, MAUTIC_PASSWORD: 'next' });
    }), inputs(1000));
  });
});
