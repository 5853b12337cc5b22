import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { credsetup } from '../program.ts';
import { startSession, startWedgedBus } from '../stores/keychain-session.ts';
import { has } from '../tools.ts';
import { answer, answerSecret, atTheEnd, expectNothingSaved, expectUnseen, filesIn, folder, mattermost, toStep, wizard } from './support.ts';

const passphrase = 'correct horse battery';

describe.skipIf(!has('terminal'))('Where there is no keychain', () => {
  it('offers an encrypted file with what it means, takes a new passphrase twice, and asks again for a wrong one later', async () => {
    const { server, token } = await mattermost();
    const home = join(folder(), 'not', 'there', 'yet');
    const env = { CREDSETUP_HOME: home };
    const first = wizard(['mattermost'], { env });
    await answer(first.session, 'Mattermost address', server.url);
    await toStep(first.session);
    await first.session.waitFor('✖ This computer has no keychain running');
    await first.session.waitFor('? Where should the credential be kept?');
    await first.session.waitFor(/OS keychain\s+try it again/);
    await first.session.waitFor(/❯ Encrypted file\s+an age file in your data folder; you choose a passphrase and type it at every/);
    await first.session.waitFor(/Nowhere\s+only validate; nothing is kept when this run ends/);
    expect(filesIn(home)).toEqual([]);
    first.session.press('enter');
    await answerSecret(first.session, 'New passphrase', 'short one');
    await first.session.waitFor('? That has 9 characters');
    await first.session.waitFor('❯ Let credsetup make one');
    first.session.press('enter');
    await first.session.waitFor('Enter: take it off the screen');
    const [made = ''] = /(?:[a-z2-9]{5}-){4}[a-z2-9]{5}/.exec(first.session.screen()) ?? [];
    expect(made).toHaveLength(29);
    first.session.press('enter');
    await answerSecret(first.session, 'The same passphrase again', `${made}!`);
    expect(first.session.screen()).not.toContain(made);
    await first.session.waitFor('The two differ. Once more:');
    await answerSecret(first.session, 'New passphrase', passphrase);
    await answerSecret(first.session, 'The same passphrase again', passphrase);
    await first.session.waitFor('Enter: I have it, go on');
    first.session.press('enter');
    await answerSecret(first.session, 'Access Token', token);
    await answer(first.session, 'Save as', 'chat');
    await first.session.waitFor('✔ Saved as chat in the encrypted file.');
    await first.session.waitFor('? Where do you need it?');
    first.session.press('escape');
    await first.left(0);
    expectUnseen(first.session, passphrase);
    expect((await credsetup(['get', 'chat'], { env: { ...env, CREDSETUP_PASSPHRASE: passphrase } })).stdout).toBe(`${token}\n`);

    const second = wizard(['mattermost', '--store', 'file'], { env });
    await answer(second.session, 'Mattermost address', server.url);
    await toStep(second.session);
    await answerSecret(second.session, 'Passphrase of the encrypted file', 'something else');
    await second.session.waitFor(/This passphrase does not open\s/);
    await second.session.waitFor('? Passphrase of the encrypted file (hidden, 0 characters)');
    second.session.press('escape');
    await second.session.waitFor('? Where should the credential be kept?');
    await second.session.waitFor('❯ Encrypted file');
    second.session.press('enter');
    await answerSecret(second.session, 'Passphrase of the encrypted file', passphrase);
    await second.session.waitFor('Enter: I have it, go on');
    second.session.press('ctrl-c');
    await second.left(130);
    const listed = (await credsetup(['list', '--json'], { env })).json()['credentials'] as readonly { readonly name: string }[];
    expect(listed.map(({ name }) => name)).toEqual(['chat']);
    // A passphrase takes more than a second each time, and the machine may be busy.
  }, 90_000);

  it('only validates where nothing shall be kept', async () => {
    const { server, token } = await mattermost();
    const { session, left, home } = wizard(['mattermost']);
    await answer(session, 'Mattermost address', server.url);
    await toStep(session);
    await session.waitFor('❯ Encrypted file');
    session.press('down');
    await session.waitFor('❯ OpenBao or Vault');
    session.press('down');
    await session.waitFor('❯ Nowhere');
    session.press('enter');
    await session.waitFor('Enter: I have it, go on');
    session.press('enter');
    await answerSecret(session, 'Access Token', token);
    await session.waitFor('✔ Validated. Nothing was kept');
    await session.waitFor('? Where do you need it?');
    session.press('escape');
    await left(0);
    expect(session.screen()).not.toContain('Save as');
    expect(filesIn(home)).toEqual([]);
  });
});

describe.skipIf(!has('terminal') || !has('keychain'))('A keychain', () => {
  it('that is locked is named before a secret is asked for, and taken once it is unlocked', async () => {
    const { server } = await mattermost();
    const keychain = await startSession();
    atTheEnd(() => keychain.stop());
    keychain.lock();
    const { session, left, home } = wizard(['mattermost'], { env: { ...keychain.env, CREDSETUP_KEYCHAIN_SERVICE: 'credsetup-e2e' } });
    await answer(session, 'Mattermost address', server.url);
    await toStep(session);
    await session.waitFor('✖ The keychain is locked.');
    await session.waitFor('❯ Encrypted file');
    await keychain.unlock();
    session.press('up');
    await session.waitFor('❯ OS keychain');
    session.press('enter');
    await session.waitFor('Enter: I have it, go on');
    session.press('ctrl-c');
    await left(130);
    await expectNothingSaved(home);
    expect(keychain.count('credsetup-e2e')).toBe(0);
  });

  it('that does not answer is waited for with a word, and Ctrl-C ends that at once', async () => {
    const { server } = await mattermost();
    const keychain = await startWedgedBus();
    atTheEnd(() => keychain.stop());
    const { session, left, home, processes } = wizard(['mattermost'], { env: keychain.env });
    await answer(session, 'Mattermost address', server.url);
    await toStep(session);
    await session.waitFor('Waiting for the OS keychain. Is a dialog open that asks to unlock it?');
    expect(processes().filter((words) => words.includes('keychain-child'))).toHaveLength(1);
    session.paste('stray-s3cret');
    const pressed = performance.now();
    session.press('ctrl-c');
    await left(130);
    expect(performance.now() - pressed).toBeLessThan(1_000);
    expect(session.screen()).toContain('Nothing was saved.');
    expect(session.raw).not.toContain('s3cret');
    await expect.poll(processes).toEqual([]);
    await expectNothingSaved(home);
  });
});
