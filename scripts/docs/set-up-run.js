/** A set-up from the first question to what is typed in n8n, as a person does it. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const host = 'chat.example.com';
const columns = 88;

/** @returns {Promise<{ command: string, raw: string, columns: number, secrets: string[] }>} what went to the terminal */
export async function setUpRun({ startMattermost, PtySession, startProxy, startSession }, root) {
  const folder = await mkdtemp(join(tmpdir(), 'credsetup-docs-'));
  const ends = [() => rm(folder, { recursive: true })];
  try {
    const tls = await certificateFor(folder);
    const server = await startMattermost({ hostname: host, tls, version: '11.10.0' });
    ends.push(() => server.close());
    server.state.siteUrl = `https://${host}`;
    server.addUser({ username: 'n8n' });
    server.joinTeam('n8n', 'marketing');
    const { token } = server.makeToken('n8n');
    const proxy = await startProxy({ target: server.port });
    ends.push(() => proxy.close());
    const keychain = await startSession();
    ends.push(() => keychain.stop());
    const session = new PtySession({
      command: process.execPath, args: [join(root, 'bin', 'credsetup.js'), 'mattermost'], columns, rows: 60, cwd: folder,
      env: { ...keychain.env, CREDSETUP_HOME: join(folder, 'home'), https_proxy: proxy.url, NODE_EXTRA_CA_CERTS: join(folder, 'certificate.pem') },
    });
    ends.push(() => session.kill());
    await setUp(session, token);
    return { command: 'credsetup mattermost', raw: session.raw, columns, secrets: [token] };
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function setUp(session, token) {
  await session.waitFor('? Mattermost address');
  session.type(host);
  await session.waitFor(`? Mattermost address ${host}`);
  session.press('enter');
  await session.waitFor('❯ I have a token');
  session.press('enter');
  await session.waitFor('Enter: I have it, go on');
  session.press('enter');
  await session.waitFor('? Access Token (hidden, 0 characters)');
  session.paste(token);
  await session.waitFor('(hidden, 26 characters)');
  session.press('enter');
  await session.waitFor('? Save as');
  session.press('enter');
  await session.waitFor('❯ In n8n: put it there now');
  session.press('down');
  await session.waitFor('❯ In n8n: show me');
  session.press('enter');
  await session.waitFor('Enter: go on');
  session.press('enter');
  const { code } = await session.ended();
  if (code !== 0) throw new Error(`the set-up ended with ${code}:\n${session.screen()}`);
}

/** Signed by itself, and trusted by this run alone. */
async function certificateFor(folder) {
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => join(folder, name));
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', certificate,
    '-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`, '-days', '2',
  ], { stdio: ['ignore', 'ignore', 'pipe'] });
  return { key: await readFile(key, 'utf8'), cert: await readFile(certificate, 'utf8') };
}
