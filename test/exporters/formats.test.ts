/** Every format is read back by the kind of program that it is made for. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { parse as parseDotenv } from 'dotenv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml, parseAllDocuments } from 'yaml';
import { isCredsetupError } from '../../src/errors.ts';
import { toDockerEnv } from '../../src/exporters/docker-env.ts';
import { toDotenv } from '../../src/exporters/dotenv.ts';
import { toJson } from '../../src/exporters/json.ts';
import { secretName, toKubernetes } from '../../src/exporters/kubernetes.ts';
import { n8nWarnings, toN8n } from '../../src/exporters/n8n.ts';
import { toShell } from '../../src/exporters/shell.ts';
import { checkPrefix, checkVariables, wholeSet } from '../../src/exporters/variables.ts';
import { services } from '../../src/services/registry.ts';
import { has } from '../tools.ts';
import { anyText, chat, crm, oneLine, plain, signedIn } from './support.ts';

const values = (...names: string[]) => names.map((name) => `printf '%s\\0' "$${name}"`).join('\n');

/** What a real shell has in its variables after it read the script. */
function inShell(shell: string, script: string, names: string[]): string[] {
  const { stdout, stderr, status } = spawnSync(shell, [], { input: `${script}\n${values(...names)}\n`, env: { PATH: process.env['PATH'] } });
  expect(stderr.toString()).toBe('');
  expect(status).toBe(0);
  return stdout.toString('utf8').split('\0').slice(0, -1);
}

const shells = ['sh', 'bash', 'dash', 'zsh'].filter((shell) => spawnSync('which', [shell]).status === 0);
const caught = (work: () => unknown): unknown => {
  try { return work(); } catch (error) { return error; }
};

describe('shell', () => {
  it('is tried with real shells', () => expect(shells).toEqual(expect.arrayContaining(['sh', 'bash'])));

  it.each(shells)('gives %s every character back', (shell) => {
    fc.assert(fc.property(anyText, anyText, oneLine, (token, password, username) => {
      const script = toShell([chat(token), crm(password, username)], plain);
      expect(inShell(shell, script, ['MATTERMOST_TOKEN', 'MAUTIC_USERNAME', 'MAUTIC_PASSWORD', 'MATTERMOST_URL', 'MAUTIC_URL']))
        .toEqual([token, username, password, 'https://chat.example.com', 'https://crm.example.com/mautic']);
    }), { numRuns: 100 });
  });

  it('exports, and says first that it holds secrets', () => {
    const script = toShell([chat('it\'s')], { ...plain, prefix: 'TEAM' });
    expect(script).toMatch(/^# This file holds secrets/);
    expect(spawnSync('sh', [], { input: `${script}\nexec sh -c 'echo "$TEAM_TOKEN"'\n` }).stdout.toString()).toBe('it\'s\n');
  });
});

describe('dotenv', () => {
  /** The text, or that this value cannot be carried; nothing else may happen. */
  const written = (...args: Parameters<typeof toDotenv>): string | undefined => {
    const result = caught(() => toDotenv(...args));
    if (typeof result === 'string') return result;
    if (isCredsetupError(result) && result.code === 'UNSUPPORTED') return undefined;
    throw result as Error;
  };

  it('gives the npm package every character back', () => {
    let carried = 0;
    fc.assert(fc.property(anyText, oneLine, oneLine, (token, username, password) => {
      const text = written([chat(token), crm(password, username)], plain);
      if (text === undefined) return;
      carried += 1;
      for (const fast of [false, true]) {
        expect(parseDotenv(text, { fast }), text).toEqual({
          MATTERMOST_URL: 'https://chat.example.com', MATTERMOST_TOKEN: token,
          MAUTIC_URL: 'https://crm.example.com/mautic', MAUTIC_USERNAME: username, MAUTIC_PASSWORD: password,
        });
      }
    }), { numRuns: 3000 });
    expect(carried).toBeGreaterThan(1000);
  });

  it('is not led astray by a backslash at the end with a # behind the next quote', () => {
    const text = toDotenv([crm('#hash', 'a b#\\')], plain);
    expect(parseDotenv(text)).toMatchObject({ MAUTIC_USERNAME: 'a b#\\', MAUTIC_PASSWORD: '#hash' });
  });

  it('writes what needs no care between single quotes, which every reader takes literally', () => {
    expect(toDotenv([chat('$HOME"`#\\n')], plain)).toContain('\nMATTERMOST_TOKEN=\'$HOME"`#\\n\'\n');
  });

  it('puts no quotes where none are needed: a container would get them as a part of the value', () => {
    for (const token of ['q8zk3wexr5tnb7yp4dhc9gfjma', 'a=b:c/d+e@f', 'p!w&x(y)*;<|>?[z]{}~^%,-_.', 'grüße']) {
      expect(toDotenv([chat(token)], plain)).toContain(`\nMATTERMOST_URL=https://chat.example.com\nMATTERMOST_TOKEN=${token}\n`);
    }
  });

  it.skipIf(!has('python-dotenv'))('gives python-dotenv every character back, where it does not say that only npm\'s reads it', () => {
    const tokens = [...fc.sample(anyText, 1500), ...fc.sample(fc.string({ unit: fc.constantFrom(...Array.from('\'"`\\#$ {}nab=\n\r')), minLength: 1, maxLength: 8 }), 3000)];
    const texts = tokens.flatMap((token) => {
      const text = written([chat(token), crm('next')], plain);
      return text === undefined ? [] : [{ token, text, alone: text.includes('python-dotenv does not') }];
    });
    const script = 'import sys, json, io, dotenv\nprint(json.dumps([dotenv.dotenv_values(stream=io.StringIO(t, newline="")) for t in json.load(sys.stdin)]))';
    const { stdout, status } = spawnSync('python3', ['-c', script], { input: JSON.stringify(texts.map(({ text }) => text)), maxBuffer: 64 * 1024 * 1024, env: { PATH: process.env['PATH'], PYTHONIOENCODING: 'utf-8' } });
    expect(status).toBe(0);
    const read = JSON.parse(stdout.toString()) as Record<string, string>[];
    let both = 0;
    for (const [index, { token, text, alone }] of texts.entries()) {
      if (alone) continue;
      both += 1;
      expect(read[index], text).toMatchObject({ MATTERMOST_TOKEN: token, MAUTIC_PASSWORD: 'next' });
    }
    expect(both).toBeGreaterThan(1000);
  });

  it('refuses all three quotes with a #, naming the variable and another format, and not the value', () => {
    const error = caught(() => toDotenv([crm('\'"`#secret')], plain));
    expect(error).toMatchObject({ code: 'UNSUPPORTED', details: { name: 'crm' } });
    expect(`${String(error)} ${(error as { hint: string }).hint}`).toMatch(/MAUTIC_PASSWORD of crm .*--format shell/);
    expect(String(error)).not.toContain('secret');
  });
});

describe('docker-env', () => {
  it('is one line a variable, with nothing around the value', () => {
    fc.assert(fc.property(oneLine, (token) => {
      // As Docker reads it: comments and empty lines apart, each line up to its end, from the first = on.
      const lines = toDockerEnv([chat(token)], plain).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      expect(lines).toEqual(['MATTERMOST_URL=https://chat.example.com', `MATTERMOST_TOKEN=${token}`]);
    }));
  });

  it('refuses a line end, naming the variable and another format, and not the value', () => {
    for (const end of ['\n', '\r']) {
      const error = caught(() => toDockerEnv([crm(`one${end}secret`)], plain));
      expect(error).toMatchObject({ code: 'UNSUPPORTED', details: { name: 'crm' } });
      expect(`${String(error)} ${(error as { hint: string }).hint}`).toMatch(/MAUTIC_PASSWORD of crm .*line end.*--format json/);
      expect(String(error)).not.toContain('secret');
    }
  });
});

describe('kubernetes', () => {
  it('gives a YAML parser every character back, by any version of YAML', () => {
    fc.assert(fc.property(anyText, (token) => {
      const text = toKubernetes([chat(token)], plain);
      for (const version of ['1.1', '1.2'] as const) {
        const { apiVersion, kind, data } = parseYaml(text, { version }) as { apiVersion: string; kind: string; data: Record<string, string> };
        expect([apiVersion, kind]).toEqual(['v1', 'Secret']);
        expect(Object.keys(data)).toEqual(['MATTERMOST_URL', 'MATTERMOST_TOKEN']);
        expect(Buffer.from(data['MATTERMOST_TOKEN'] ?? '', 'base64').toString()).toBe(token);
      }
    }));
  });

  it('keeps base64 that looks like another type a text', () => {
    const token = Buffer.from('true', 'base64').toString('latin1');
    expect(parseYaml(toKubernetes([chat('\u00b6\u00bb\u009e')], plain)).data.MATTERMOST_TOKEN).toBeTypeOf('string');
    expect(toKubernetes([chat(token)], plain)).toMatch(/MATTERMOST_TOKEN: "/);
  });

  it('writes one Secret a credential, each with the notice', () => {
    const text = toKubernetes([chat('one'), chat('two', { name: 'Chat_2' })], plain);
    expect(text.match(/holds secrets/g)).toHaveLength(2);
    expect(parseAllDocuments(text).map((document) => (document as { toJS(): { metadata: { name: string } } }).toJS().metadata.name)).toEqual(['chat', expect.stringMatching(/^chat-2-[0-9a-f]{8}$/)]);
  });

  it('makes valid names that differ when the credentials\' names do', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/);
    fc.assert(fc.property(name, name, (one, other) => {
      expect(secretName(one)).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
      expect(secretName(one).length).toBeLessThanOrEqual(253);
      expect(secretName(one) === secretName(other)).toBe(one.toLowerCase() === other.toLowerCase());
    }));
    expect(secretName('_')).toMatch(/^[0-9a-f]{8}$/);
    expect(secretName('a_b')).not.toBe(secretName('a-b'));
  });
});

describe('json', () => {
  const schema = JSON.parse(readFileSync(new URL('../../schema/export-1.schema.json', import.meta.url), 'utf8')) as object;
  const isValid = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true }).compile(schema);
  const check = (text: string): unknown => {
    const document: unknown = JSON.parse(text);
    expect(isValid(document), JSON.stringify(isValid.errors)).toBe(true);
    return document;
  };

  it('follows the schema that is shipped, whatever the secrets hold', () => {
    fc.assert(fc.property(anyText, anyText, (token, password) => {
      expect(check(toJson([chat(token), crm(password), signedIn()], plain))).toMatchObject(
        { version: 1, credentials: [{ secrets: { token } }, { secrets: { password } }, {}] },
      );
    }));
  });

  it('lets a refresh token go only with the credential', () => {
    const { credentials: [kept] } = check(toJson([signedIn()], plain)) as { credentials: [{ secrets: object }] };
    expect(Object.keys(kept.secrets)).toEqual(['clientSecret', 'accessToken', 'accessTokenExpiresAt']);
    const { credentials: [given] } = check(toJson([signedIn()], { ...plain, handOver: true })) as { credentials: [{ secrets: object }] };
    expect(given.secrets).toHaveProperty('refreshToken', 'the-refresh-token');
  });

  it('is refused by the schema without secrets, with an unknown secret, with a trailing slash', () => {
    const one = (JSON.parse(toJson([chat('t')], plain)) as { credentials: [Record<string, unknown>] }).credentials[0];
    for (const bad of [{ secrets: {} }, { secrets: { token: 't', other: 'x' } }, { url: 'https://chat.example.com/' }, { store: 'cloud' }, { expiresAt: null }]) {
      expect(isValid({ version: 1, exportedAt: '2026-03-01T12:00:00Z', credentials: [{ ...one, ...bad }] }), JSON.stringify(bad)).toBe(false);
    }
  });
});

describe('n8n', () => {
  const read = (...args: Parameters<typeof toN8n>): unknown => JSON.parse(toN8n(...args));

  it('is an array of exactly what the types have', () => {
    expect(read([chat('t'), crm('p'), signedIn()], plain)).toEqual([
      { id: '7f0c3a52-6d0e-4c0f-9a54-3d1b8f6f2c11', name: 'chat', type: 'mattermostApi', data: { accessToken: 't', baseUrl: 'https://chat.example.com', allowUnauthorizedCerts: false } },
      { id: '0d4a3a52-6d0e-4c0f-9a54-3d1b8f6f2c22', name: 'crm', type: 'mauticApi', data: { url: 'https://crm.example.com/mautic', username: 'ada', password: 'p' } },
      { id: '1d4a3a52-6d0e-4c0f-9a54-3d1b8f6f2c33', name: 'crm-oauth', type: 'mauticOAuth2Api', data: { url: 'https://crm.example.com', clientId: '2_abc', clientSecret: 'the-secret' } },
    ]);
  });

  it('carries "ignore SSL issues" over', () => {
    expect(read([chat('t', { ignoreSslIssues: true })], plain)).toMatchObject([{ data: { allowUnauthorizedCerts: true } }]);
  });

  it('hands tokens over as n8n stores them, and only then', () => {
    expect(toN8n([signedIn()], plain)).not.toMatch(/token/i);
    expect(read([signedIn()], { ...plain, handOver: true })).toMatchObject([{
      data: { oauthTokenData: { access_token: 'the-access-token', refresh_token: 'the-refresh-token', token_type: 'bearer', expires_in: 3600 } },
    }]);
  });

  it('has ids that fit n8n\'s column, the same for the same credential', () => {
    const id = (long: string): string => (read([chat('t', { id: long })], plain) as [{ id: string }])[0].id;
    expect(id('a'.repeat(64))).toHaveLength(36);
    expect(id('a'.repeat(64))).toBe(id('a'.repeat(64)));
    expect(id('a'.repeat(64))).not.toBe(id('a'.repeat(63) + 'b'));
  });

  it('tells what n8n should know and nothing else', () => {
    const warnings = ['N8N_NEEDS_CA', 'CLIENT_ACTS_AS_ADMIN', 'EXPIRES_SOON'].map((code) => ({ code, message: 'm' }));
    expect(n8nWarnings([chat('t', { warnings })]).map(({ name, code }) => `${name} ${code}`)).toEqual(['chat N8N_NEEDS_CA', 'chat CLIENT_ACTS_AS_ADMIN']);
  });

  it('writes nothing of a credential that is not whole', () => {
    const item = chat('t');
    expect(caught(() => toN8n([{ ...item, full: { ...item.full, secrets: {} } }], plain))).toMatchObject({ code: 'SECRET_MISSING', details: { name: 'chat' } });
  });
});

describe('names of variables', () => {
  const bare = (item: ReturnType<typeof chat>) => ({ credential: item.full.credential, method: item.method });

  it('are those of the contract, for each method', () => {
    expect(Object.keys(parseDotenv(toDotenv([signedIn()], plain)))).toEqual(['MAUTIC_URL', 'MAUTIC_ACCESS_TOKEN', 'MAUTIC_CLIENT_ID', 'MAUTIC_CLIENT_SECRET']);
    expect(Object.keys(parseDotenv(toDotenv([crm('p')], { ...plain, prefix: 'CRM' })))).toEqual(['CRM_URL', 'CRM_USERNAME', 'CRM_PASSWORD']);
  });

  it('are all in the whole set of their service', () => {
    for (const service of services) {
      for (const method of service.methods) expect(service.variables).toEqual(expect.arrayContaining(method.variables.map(({ word }) => word)));
    }
    expect(wholeSet(services.find(({ id }) => id === 'mautic')!, 'X')).toEqual(['X_URL', 'X_USERNAME', 'X_PASSWORD', 'X_ACCESS_TOKEN', 'X_CLIENT_ID', 'X_CLIENT_SECRET']);
  });

  it('are refused when two credentials set one, naming both', () => {
    const error = caught(() => { checkVariables([bare(chat('1')), bare(crm('p')), bare(chat('2', { name: 'other' }))], undefined); });
    expect(error).toMatchObject({ code: 'USAGE', message: 'chat and other would both set MATTERMOST_URL.' });
    expect(caught(() => { checkVariables([bare(chat('1')), bare(crm('p'))], 'x'); })).toMatchObject({ code: 'USAGE' });
    expect(caught(() => { checkVariables([bare(chat('1')), bare(crm('p'))], undefined); })).toBeUndefined();
  });

  it.each(['', '1A', 'A-B', 'A B', 'A=B', 'CREDSETUP', 'credsetup_x', '$(id)', 'É'])('refuses the prefix %j', (prefix) => {
    expect(caught(() => checkPrefix(prefix))).toMatchObject({ code: 'USAGE' });
  });
});
