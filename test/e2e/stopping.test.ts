import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { PracticeServer } from '../../src/practice/server.ts';
import { identity } from '../commands/support.ts';
import { startSession } from '../stores/keychain-session.ts';
import { has } from '../tools.ts';
import { answer, answerSecret, atTheEnd, expectNothingSaved, holdAnswers, inItsPages, mattermost, mautic, toStep, toToken, wizard, type Wizard } from './support.ts';

const inFile = { CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity };
const chat = has('terminal') ? await mattermost() : undefined!;
const crm = has('terminal') ? await mautic() : undefined!;
const crmOff = has('terminal') ? await mautic({ apiEnabled: false }) : undefined!;

interface Place {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly go: (run: Wizard) => Promise<void>;
}

/** A wait: the server does not answer until the test is over. */
async function held(server: PracticeServer, path: string, go: () => Promise<void>): Promise<void> {
  const { reached, letGo } = holdAnswers(server, path);
  await go();
  await reached;
  server.intercept = undefined;
  atTheEnd(letGo);
}

const questions: Readonly<Record<string, Place>> = {
  'the address': { args: ['mattermost'], go: ({ session }) => session.waitFor('? Mattermost address') },
  'the way': {
    args: ['mattermost'], go: async ({ session }) => {
      await answer(session, 'Mattermost address', chat.server.url);
      await session.waitFor('❯ I have a token');
    },
  },
  'the store': {
    args: ['mattermost'], env: { CREDSETUP_STORE: '' }, go: async ({ session }) => {
      await answer(session, 'Mattermost address', chat.server.url);
      await toStep(session);
      await session.waitFor('❯ Encrypted file');
    },
  },
  'a new passphrase': {
    args: ['mattermost'], env: { CREDSETUP_IDENTITY: '' }, go: async ({ session }) => {
      await answer(session, 'Mattermost address', chat.server.url);
      await toStep(session);
      await answerSecret(session, 'New passphrase', 'correct horse');
      await session.waitFor('? The same passphrase again');
    },
  },
  'the token': { args: ['mattermost'], go: ({ session }) => toToken(session, chat.server.url) },
  'the method': {
    args: ['mautic'], go: async ({ session }) => {
      await answer(session, 'Mautic address', crm.url);
      await inItsPages(session);
      await session.waitFor('? How should the credential sign in?');
    },
  },
  'the username': {
    args: ['mautic', '--method', 'basic'], go: async ({ session }) => {
      await answer(session, 'Mautic address', crm.url);
      await inItsPages(session);
      await session.waitFor('? Username');
    },
  },
  'what to do after an error': {
    args: ['mattermost', '--require', 'posts'], env: { CREDSETUP_TOKEN: has('terminal') ? chat.server.makeToken('joe').token : '' }, go: async ({ session }) => {
      await answer(session, 'Mattermost address', chat.server.url);
      await session.waitFor('? What now?');
    },
  },
  'the name': {
    args: ['mattermost'], go: async ({ session }) => {
      await toToken(session, chat.server.url);
      await answerSecret(session, 'Access Token', chat.token);
      await session.waitFor('? Save as');
    },
  },
};

const waits: Readonly<Record<string, Place>> = {
  'for the address': { args: ['mattermost'], go: ({ session }) => held(chat.server, '/api/v4/system/ping', () => answer(session, 'Mattermost address', chat.server.url)) },
  'for a step': {
    args: ['mautic', '--method', 'basic'], go: async ({ session }) => {
      await answer(session, 'Mautic address', crmOff.url);
      await inItsPages(session);
      await session.waitFor('waiting for Mautic: Enable the API');
    },
  },
  'for the validation': {
    args: ['mattermost'], go: async ({ session }) => {
      await toToken(session, chat.server.url);
      await held(chat.server, '/api/v4/users/me', () => answerSecret(session, 'Access Token', chat.token));
      await session.waitFor('validating with Mattermost');
    },
  },
};

async function stopped(place: Place, stop: (run: Wizard) => void, code: number): Promise<Wizard> {
  const run = wizard(place.args, { env: { ...inFile, ...place.env } });
  await place.go(run);
  stop(run);
  await run.left(code);
  expect(run.session.screen().split('\n').filter((line) => line.startsWith('✖')).at(-1)).toContain('Nothing was saved.');
  expect(run.session.screen()).not.toContain('UNEXPECTED');
  expect(run.processes()).toEqual([]);
  return run;
}

describe.skipIf(!has('terminal'))('A wizard that is stopped', () => {
  it.each(Object.keys(questions))('by Ctrl-C at the question for %s says that nothing was saved', async (name) => {
    const { home } = await stopped(questions[name]!, ({ session }) => session.press('ctrl-c'), 130);
    await expectNothingSaved(home);
  });

  it.each(Object.keys(waits))('by Ctrl-C in the wait %s ends at once', async (name) => {
    const { home } = await stopped(waits[name]!, ({ session }) => session.press('ctrl-c'), 130);
    await expectNothingSaved(home);
  });

  it.each([['SIGTERM', 143], ['SIGHUP', 129], ['SIGINT', 130]] as const)('by %s ends with its own code, at a question and in a wait', async (signal, code) => {
    for (const place of [questions['the token']!, waits['for the validation']!]) {
      await stopped(place, (run) => { process.kill(run.pid(), signal); }, code);
    }
  });

  it('by the end of input names the question', async () => {
    for (const [name, question] of [['the address', 'Mattermost address'], ['the token', 'Access Token'], ['the way', 'Where does the token come from?']] as const) {
      const { session } = await stopped(questions[name]!, (run) => run.session.press('ctrl-d'), 2);
      expect(session.screen()).toContain(`The input ended at the question "${question}".`);
    }
    const { session } = await stopped(waits['for a step']!, (run) => run.session.press('ctrl-d'), 2);
    expect(session.screen()).toContain('The input ended at the question "waiting for Mautic: Enable the API".');
  });

  it.skipIf(!has('keychain'))('takes its keychain child with it, also when the terminal is closed', async () => {
    const keychain = await startSession();
    atTheEnd(() => keychain.stop());
    const env = { ...keychain.env, CREDSETUP_STORE: 'keychain', CREDSETUP_KEYCHAIN_SERVICE: 'credsetup-e2e' };
    const place = { ...questions['the name']!, env: { ...env, CREDSETUP_IDENTITY: '' } };
    for (const stop of [({ session }: Wizard) => session.press('ctrl-c'), (run: Wizard) => process.kill(run.pid(), 'SIGTERM')]) {
      const run = wizard(place.args, { env: place.env });
      await place.go(run);
      expect(run.processes().filter((words) => words.includes('keychain-child'))).toHaveLength(1);
      stop(run);
      await run.session.ended();
      expect(run.processes()).toEqual([]);
    }
    const run = wizard(place.args, { env: place.env });
    await place.go(run);
    run.session.hangUp();
    await expect.poll(run.processes, { timeout: 5_000 }).toEqual([]);
    await expectNothingSaved(run.home);
    expect(keychain.count('credsetup-e2e')).toBe(0);
    expect(readdirSync(run.home)).not.toContain('write.lock');
  });

  it('after the saving says so, and keeps what was saved', async () => {
    const run = wizard(['mattermost'], { env: inFile });
    await questions['the name']!.go(run);
    run.session.press('enter');
    await run.session.waitFor('? Where do you need it?');
    run.session.press('ctrl-c');
    await run.left(130);
    expect(run.session.screen()).toContain('✔ Saved as');
    expect(run.session.screen()).not.toContain('Nothing was saved');
  });
});
