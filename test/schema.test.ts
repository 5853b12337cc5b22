/** The published schemas, held against what the program prints. */
import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { beforeAll, describe, expect, it } from 'vitest';
import { mattermostServer, script, storeMattermost, type Script } from './commands/support.ts';

const folder = new URL('../schema/', import.meta.url);
const ajv = new Ajv({ strict: false, allErrors: true });
for (const file of readdirSync(folder)) ajv.addSchema(JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as object);

/** The schema's complaints about a document. */
function complaints(name: string, document: unknown): string[] {
  const check = ajv.getSchema(`https://credsetup.invalid/schema/${name}-1.schema.json`);
  if (check === undefined) throw new Error(`there is no schema ${name}`);
  void check(document);
  return (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`);
}

let stored: Script;
beforeAll(async () => {
  stored = script();
  await storeMattermost(stored, await mattermostServer());
});
const print = async (...args: string[]): Promise<unknown> => JSON.parse((await stored.run([...args, '--json'])).stdout) as unknown;

describe('the schema of', () => {
  it('a credential takes what show and list print', async () => {
    expect(complaints('credential', await print('show', 'chat'))).toEqual([]);
    const { credentials } = await print('list') as { credentials: unknown[] };
    expect(credentials.flatMap((one) => complaints('credential', one))).toEqual([]);
    expect(credentials).toHaveLength(1);
  });

  it('results takes what went well and what failed', async () => {
    expect(complaints('results', await print('test', '--all'))).toEqual([]);
    const mixed = await print('test', 'chat', 'nobody') as { results: { status: string }[] };
    expect(complaints('results', mixed)).toEqual([]);
    expect(mixed.results.map(({ status }) => status)).toEqual(['ok', 'failed']);
  });

  it('errors takes a missing name, missing values with their options, and causes', async () => {
    for (const args of [['show', 'nobody'], ['mattermost'], ['list', '--nope']]) expect(complaints('error', await print(...args)), args.join(' ')).toEqual([]);
    const refused = await stored.run(['mattermost', '--url', (await mattermostServer()).url, '--json'], { env: { CREDSETUP_TOKEN: 'zyxwvutsrqponmlkjihgfedcb8' } });
    const document = JSON.parse(refused.stdout) as { error: { causes: unknown[] } };
    expect(document.error.causes.length).toBeGreaterThan(1);
    expect(complaints('error', document)).toEqual([]);
  });

  it('each refuses what lacks what it promises', async () => {
    const credential = await print('show', 'chat') as Record<string, unknown>;
    expect(complaints('credential', { ...credential, url: 'https://chat.example.com/' })).not.toEqual([]);
    expect(complaints('results', { results: [{ name: 'chat', status: 'failed' }] })).not.toEqual([]);
    expect(complaints('error', { error: { code: 'NOT_FOUND' } })).not.toEqual([]);
  });
});
