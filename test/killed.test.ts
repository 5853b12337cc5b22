/**
 * Every command that changes something, killed at random moments: each stored secret works, no lock
 * is stuck, and after the next run, which only reads, nothing is left. `npm run test:kill` kills each 200 times.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mattermostPassword, type PracticeMattermost } from '../src/practice/mattermost.ts';
import { mauticPassword, type PracticeMautic } from '../src/practice/mautic.ts';
import { allScopes, n8nApiKey, startN8n } from '../src/practice/n8n.ts';
import type { PracticeServer } from '../src/practice/server.ts';
import { storeOAuth2 } from './commands/oauth.ts';
import { atTheEnd, folder, mattermostServer, mauticServer, script, storeMattermost, type Script } from './commands/support.ts';
import { expectTidy, killSeed, kills, randomFrom, runUntil, storedIn, type Command } from './killed-runs.ts';
import { unusedPort } from './ports.ts';

interface Scene {
  readonly one: Script;
  readonly servers: readonly PracticeServer[];
  /** The command of this turn. */
  readonly command: (turn: number) => Command;
  /** After the kill, and after the run behind it: throws where a secret that is stored does not work. `next`: that run's exit code. */
  readonly check: (next: number | undefined) => Promise<void>;
  /** Puts right what a kill may cost (a sign-in between answer and save), and says that it did. */
  readonly renew?: () => Promise<boolean>;
  /** Exit codes of the run behind a kill; 0 alone without it. */
  readonly next?: readonly number[];
  /** The folder of what it writes for others. */
  readonly written?: string;
}

const alive = (server: PracticeMattermost): readonly string[] => server.state.tokens.filter(({ active }) => active).map(({ token }) => token);
const secretOf = async (one: Script, name: string): Promise<string> => Object.values((await storedIn(one.home)).get(name)?.secrets ?? {})[0] ?? '';

/** A Mattermost with two tokens, one of them stored as `chat`. */
async function chatWithTwo(): Promise<{
  readonly one: Script; readonly chat: PracticeMattermost; readonly tokens: readonly string[]; readonly files: readonly string[];
}> {
  const [chat, one, given] = [await mattermostServer({ tokensEnabled: true }), script(), folder()];
  const first = await storeMattermost(one, chat);
  const tokens = [first, chat.makeToken('maker').token];
  const files = tokens.map((token, at) => {
    const path = join(given, `token-${at}`);
    writeFileSync(path, token);
    return path;
  });
  return { one, chat, tokens, files };
}

const scenes: Readonly<Record<string, () => Promise<Scene>>> = {
  async 'a save'() {
    const { one, chat, tokens, files } = await chatWithTwo();
    return {
      one, servers: [chat],
      command: (turn) => ({ args: ['mattermost', '--url', chat.url, '--name', 'chat', '--replace', '--token-file', files[turn % 2]!] }),
      check: async () => { expect(tokens).toContain(await secretOf(one, 'chat')); },
    };
  },
  async 'rename'() {
    const { one, chat, tokens } = await chatWithTwo();
    let name = 'chat';
    const other = (): string => (name === 'chat' ? 'talk' : 'chat');
    return {
      one, servers: [chat], next: [0, 11],
      command: () => ({ args: ['rename', name, other()] }),
      check: async () => {
        const stored = await storedIn(one.home);
        expect([...stored.keys()]).toHaveLength(1);
        expect([...stored.values()][0]?.secrets['token']).toBe(tokens[0]);
        name = [...stored.keys()][0]!;
      },
    };
  },
  async 'edit'() {
    const { one, chat, tokens } = await chatWithTwo();
    return {
      one, servers: [chat],
      command: (turn) => ({ args: ['edit', 'chat', turn % 2 === 0 ? '--ignore-ssl-issues' : '--check-ssl'] }),
      check: async () => { expect(await secretOf(one, 'chat')).toBe(tokens[0]); },
    };
  },
  async 'import'() {
    const { one, chat, tokens } = await chatWithTwo();
    const { stdout } = await one.run(['export', 'chat'], { reveals: true });
    const exported = JSON.parse(stdout) as { credentials: Record<string, unknown>[] };
    const files = tokens.map((token, at) => {
      const path = join(folder(), `export-${at}.json`);
      const entries = ['chat', 'second'].map((name, place) => ({ ...exported.credentials[0], name, ...(place === 0 ? {} : { id: `7f0c3a52-6d0e-4c0f-9a54-3d1b8f6f2c1${place}` }), secrets: { token } }));
      writeFileSync(path, JSON.stringify({ ...exported, credentials: entries }));
      return path;
    });
    return {
      one, servers: [chat],
      command: (turn) => ({ args: ['import', files[turn % 2]!, '--replace'] }),
      check: async (next) => {
        for (const name of next === 0 ? ['chat', 'second'] : ['chat']) expect(tokens).toContain(await secretOf(one, name));
      },
    };
  },
  async 'apply'() {
    const { one, chat, tokens } = await chatWithTwo();
    const dir = folder();
    const list = join(dir, 'list.yaml');
    writeFileSync(list, `version: 1\ncredentials:\n${['chat', 'second'].map((name) => `  - {name: ${name}, service: mattermost, url: "${chat.url}", token: {env: CREDSETUP_ONE}}\n`).join('')}`);
    return {
      one, servers: [chat],
      command: (turn) => ({ args: ['apply', list, '--allow-host', new URL(chat.url).host, '--replace'], env: { CREDSETUP_ONE: tokens[turn % 2]! } }),
      check: async (next) => {
        for (const name of next === 0 ? ['chat', 'second'] : ['chat']) expect(tokens).toContain(await secretOf(one, name));
      },
    };
  },
  async 'what is made at Mattermost'() {
    const [chat, one] = [await mattermostServer({ tokensEnabled: true }), script()];
    return {
      one, servers: [chat],
      command: () => ({ args: ['mattermost', '--url', chat.url, '--create-token', '--username', 'maker', '--name', 'chat', '--replace'], env: { CREDSETUP_PASSWORD: mattermostPassword } }),
      check: async (next) => {
        const stored = await secretOf(one, 'chat');
        if (next === 0) expect(alive(chat)).toEqual([stored]);
        else if (stored !== '') expect(alive(chat)).toContain(stored);
      },
    };
  },
  async 'push'() {
    const [{ one, chat, tokens }, n8n] = [await chatWithTwo(), await startN8n()];
    atTheEnd(() => n8n.close());
    n8n.state.keys.set(n8nApiKey, allScopes);
    expect((await one.run(['n8n', '--url', n8n.url, '--name', 'work'], { env: { CREDSETUP_API_KEY: n8nApiKey } })).exitCode).toBe(0);
    return {
      one, servers: [chat, n8n],
      command: () => ({ args: ['push', 'work', 'chat', '--replace'] }),
      check: async (next) => {
        expect(await secretOf(one, 'chat')).toBe(tokens[0]);
        if (next === 0) expect(n8n.state.credentials.map(({ data }) => data['accessToken'])).toEqual([tokens[0]]);
        n8n.state.workflows.length = 0;
      },
    };
  },
  async 'rotate with a copy in an n8n'() {
    const [chat, one, n8n] = [await mattermostServer({ tokensEnabled: true }), script(), await startN8n()];
    atTheEnd(() => n8n.close());
    n8n.state.keys.set(n8nApiKey, allScopes);
    for (const [args, env] of [
      [['n8n', '--url', n8n.url, '--name', 'work'], { CREDSETUP_API_KEY: n8nApiKey }],
      [['mattermost', '--url', chat.url, '--create-token', '--username', 'maker', '--name', 'chat'], { CREDSETUP_PASSWORD: mattermostPassword }],
      [['push', 'work', 'chat'], {}],
    ] as const) expect((await one.run(args, { env })).exitCode).toBe(0);
    return {
      one, servers: [chat, n8n],
      command: () => ({ args: ['rotate', 'chat', '--grace', '0'] }),
      check: async (next) => {
        const [stored, inN8n] = [await secretOf(one, 'chat'), String(n8n.credential('chat').data['accessToken'])];
        expect(alive(chat)).toEqual(expect.arrayContaining([stored, inN8n]));
        if (next === 0) expect([alive(chat), inN8n]).toEqual([[stored], stored]);
      },
    };
  },
  async 'refresh'() {
    const [crm, one] = [await mauticServer(), script()];
    await storeOAuth2(one, crm);
    return {
      one, servers: [crm], next: [0, 7],
      command: () => ({ args: ['refresh', 'crm'] }),
      check: async () => { expect((await storedIn(one.home)).get('crm')?.secrets['refreshToken']).toEqual(expect.any(String)); },
      renew: () => signedInAgain(one, crm),
    };
  },
  async 'a hand-over'() {
    const [crm, one, out] = [await mauticServer(), script(), join(folder(), 'given.json')];
    await storeOAuth2(one, crm);
    let lost = false;
    return {
      // 7: it renews the sign-in first, and the kill came between that answer and its save.
      one, servers: [crm], next: [0, 7, 11], written: dirname(out),
      command: () => ({ args: ['export', 'crm', '--format', 'n8n', '--hand-over', '--output', out, '--overwrite'] }),
      check: async (next) => {
        // In one place at least, and whole there.
        const ours = (await storedIn(one.home)).get('crm')?.secrets['refreshToken'];
        const theirs = existsSync(out) ? (JSON.parse(readFileSync(out, 'utf8')) as { data: { oauthTokenData?: { refresh_token?: string } } }[])[0]?.data.oauthTokenData?.refresh_token : undefined;
        lost = ![ours, theirs].some((token) => works(crm, token));
        if (next !== undefined) expect(lost).toBe(next === 7);
      },
      renew: async () => {
        rmSync(out, { force: true });
        await storeOAuth2(one, crm, { args: ['--replace'] });
        return lost;
      },
    };
  },
  async 'what is made at Mautic'() {
    const [crm, one, port] = [await mauticServer(), script(), String(await unusedPort())];
    return {
      one, servers: [crm],
      command: () => ({
        args: ['mautic', '--method', 'oauth2', '--url', crm.url, '--username', 'admin', '--create-client', '--callback-port', port, '--name', 'crm', '--replace'], env: { CREDSETUP_PASSWORD: mauticPassword },
      }),
      check: async (next) => {
        const stored = (await storedIn(one.home)).get('crm');
        const clients = crm.state.clients.map(({ clientSecret }) => clientSecret);
        if (next === 0) expect(clients).toEqual([stored?.secrets['clientSecret']]);
        else if (stored !== undefined) expect(clients).toContain(stored.secrets['clientSecret']);
        // A session of a killed run ends by Mautic's own clock.
        crm.state.browsers.clear();
      },
    };
  },
};

const works = (crm: PracticeMautic, token: string | undefined): boolean => crm.state.refreshTokens.some((one) => one.token === token);

/** A sign-in anew where the kill came between the answer and its save; true when it was needed. */
async function signedInAgain(one: Script, crm: PracticeMautic): Promise<boolean> {
  if (works(crm, (await storedIn(one.home)).get('crm')?.secrets['refreshToken'])) return false;
  await storeOAuth2(one, crm, { args: ['--replace'] });
  return true;
}

describe('killed at a random moment', () => {
  it.each(Object.keys(scenes))('%s leaves every stored secret in use and, after the next look at what is stored, no lock and no trace', async (kind) => {
    const random = randomFrom(killSeed + Object.keys(scenes).indexOf(kind));
    const { one, servers, command, check, renew, written, next = [0] } = await scenes[kind]!();
    const count = kills(1);
    let [most, killed, lost] = [12, 0, 0];
    for (let turn = 0; turn < count; turn += 1) {
      const moment = { event: 1 + Math.floor(random() * most), milliseconds: Math.floor(random() * 12) };
      const where = `seed ${killSeed}, turn ${turn}, ${JSON.stringify(moment)}`;
      const ended = await runUntil(one, servers, command(turn), moment);
      killed += ended.exitCode === null ? 1 : 0;
      await check(undefined).catch((error: unknown) => { throw new Error(`after the kill, ${where}`, { cause: error }); });
      // The check looked at what is stored, as `list` and `get` do: it wrote nothing.
      await expectTidy(one.home, `after the kill, ${where}`, written);
      const behind = await runUntil(one, servers, command(turn));
      if (behind.exitCode === 0) most = Math.max(6, behind.events);
      expect(next, `${where}: ${behind.stderr}`).toContain(behind.exitCode);
      await check(behind.exitCode ?? undefined).catch((error: unknown) => { throw new Error(`after the next run, ${where}: ${behind.stderr}`, { cause: error }); });
      await expectTidy(one.home, where, written);
      if (await renew?.() === true) lost += 1;
    }
    if (count > 2) console.log(`${kind}: seed ${killSeed}, ${killed} of ${count} killed, ${lost} sign-ins lost between answer and save`);
  }, 60_000 + kills(1) * 15_000);
});
