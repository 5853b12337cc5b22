/**
 * A place where the examples of the docs run as they stand there: the built program under its own
 * name, practice servers behind the example addresses, the files that the examples name, and
 * stand-ins for programs that the docs call and a test cannot (a registry, n8n's own command line).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { mattermostPassword, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import type { PracticeMautic } from '../../src/practice/mautic.ts';
import { n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { startOpenBao, type PracticeOpenBao } from '../../src/practice/openbao.ts';
import { atTheEnd, folder, identity, mattermostServer, mauticServer, script, storeMattermost } from '../commands/support.ts';
import { storeOAuth2 } from '../commands/oauth.ts';
import { cleanEnvironment, programPath } from '../program.ts';

export interface Stage {
  readonly chat: PracticeMattermost;
  readonly crm: PracticeMautic;
  readonly n8n: PracticeN8n;
  readonly bao: PracticeOpenBao;
  readonly token: string;
  /** Runs a script with bash as GitHub does, in a folder and a home of its own. Its streams and exit code. */
  run(text: string, options?: StageRun): Promise<StageDone>;
}

export interface StageRun {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where an earlier script ran; else a new folder. */
  readonly cwd?: string;
  readonly shell?: readonly string[];
}

export interface StageDone {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly cwd: string;
}

/** What stands in for a program that cannot be had; each fails when it is called in another way. */
const standIns: Readonly<Record<string, string>> = {
  // What n8n 2.41.1 prints; it reads an array whose entries have id, name, type and data.
  n8n: `[ "$1 $2" = 'import:credentials --input=/dev/stdin' ] && node -e 'const all = JSON.parse(require("fs").readFileSync(0)); for (const { id, name, type, data } of all) if (!id || !name || !type || typeof data !== "object") process.exit(3); console.log("Successfully imported " + all.length + " credential.")'`,
  docker: `case "$1 $2 $3 $4" in 'exec -i n8n n8n') shift 3; exec "$@";; *) exit 1;; esac`,
  ssh: `[ $# = 2 ] && exec sh -c "$2"`,
  npm: `[ "$1 $2" = 'install -g' ] && [ -f "$3" ]`,
  curl: `case "$*" in *'Authorization: Bearer runner-token'*'http://runner.invalid/?x=1&audience=vault'*) echo '{"value": "eyJ.of.github"}';; *) exit 22;; esac`,
  jq: `[ "$*" = '-r .value' ] && node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).value)'`,
  systemctl: `case "$*" in '--user daemon-reload'|'--user enable --now credsetup-refresh.timer') ;; *) exit 1;; esac`,
  loginctl: `[ "$*" = enable-linger ]`,
};

/** The policy of who may do all below one folder. */
const crew = ['data', 'metadata', 'detailed-metadata', 'destroy'].map((kind) => ({
  path: `secret/${kind}/credsetup/*`, capabilities: ['create', 'update', 'read', 'delete', 'list'] as const,
}));

/** Starts the servers and stores `chat` and `crm`, at home and in the team's store. */
export async function stage(): Promise<Stage> {
  const [chat, crm, n8n, bao] = await Promise.all([
    mattermostServer({ tokensEnabled: true, botsEnabled: true }), mauticServer({ apiEnabled: true, basicEnabled: true }), startN8n(), startOpenBao(),
  ]);
  atTheEnd(async () => { await Promise.all([n8n.close(), bao.close()]); });
  chat.addUser({ username: 'ada', roles: 'system_user system_user_access_token' });
  chat.joinTeam('maker');
  const home = script();
  const token = await storeMattermost(home, chat);
  await storeOAuth2(home, crm, { name: 'crm' });
  // One file in the examples holds the password of both services.
  for (const user of crm.state.users) user.password = mattermostPassword;
  crm.state.users.push({ ...crm.user('admin'), id: 90, username: 'ada', email: 'ada@example.com' });
  bao.state.policies.set('crew', crew);
  for (const jwt of ['eyJ.of.github', 'eyJ.of.gitlab']) bao.state.jwts.push({ mount: 'jwt', role: 'ci', jwt, policies: ['crew'] });
  const elsewhere = script();
  const team = { CREDSETUP_STORE: 'vault', BAO_ADDR: bao.url, BAO_TOKEN: bao.rootToken };
  await storeMattermost({ ...elsewhere, run: (args, options = {}) => elsewhere.run(args, { ...options, env: { ...team, ...options.env } }) }, chat, 'chat');
  const bin = programs();
  const client = crm.makeClient({ owner: 'admin' });
  return {
    chat, crm, n8n, bao, token,
    async run(text, { env = {}, cwd = prepared({ chat, token, clientSecret: client.clientSecret }), shell = ['bash', '--noprofile', '--norc', '-eo', 'pipefail', '-c'] } = {}) {
      const own = folder();
      cpSync(home.home, own, { recursive: true });
      const [command = '', ...args] = shell;
      const child = spawn(command, [...args, text
        .replaceAll('https://chat.example.com', chat.url).replaceAll('https://crm.example.com', crm.url)
        .replaceAll(/https:\/\/vault\.example\.com:8200|http:\/\/127\.0\.0\.1:8200/g, bao.url)
        .replaceAll('--client-id 1_abc', `--client-id ${client.clientId}`).replaceAll('TOKEN=...', `TOKEN=${token}`)], {
        cwd, stdio: ['ignore', 'pipe', 'pipe'], env: cleanEnvironment({
          PATH: [bin, process.env['PATH']].join(delimiter), ...home.env, CREDSETUP_HOME: own,
          CREDSETUP_N8N_URL: n8n.url, CREDSETUP_N8N_API_KEY: n8nApiKey, ...env,
        }),
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (part: string) => { stdout += part; });
      child.stderr.setEncoding('utf8').on('data', (part: string) => { stderr += part; });
      const [exitCode] = await once(child, 'close') as [number | null];
      return { exitCode, stdout, stderr, cwd };
    },
  };
}

function programs(): string {
  const bin = folder();
  const all = { ...standIns, credsetup: `exec "${process.execPath}" "${programPath}" "$@"` };
  for (const [name, text] of Object.entries(all)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return bin;
}

/** The files that the examples name. */
function prepared({ chat, token, clientSecret }: { readonly chat: PracticeMattermost; readonly token: string; readonly clientSecret: string }): string {
  const cwd = folder();
  mkdirSync(join(cwd, 'tools'));
  const files = {
    'token.txt': `${token}\n`, 'admin.txt': `${chat.makeToken('admin').token}\n`, 'secret.txt': `${clientSecret}\n`, 'key.txt': `${identity}\n`,
    'report.js': 'if (!process.env.MATTERMOST_TOKEN) process.exit(1);', 'tools/credsetup-0.1.0.tgz': '', 'announce.sh': '#!/bin/sh\n[ -n "$MATTERMOST_TOKEN" ] && echo "announced with $MATTERMOST_TOKEN"\n',
    'password.txt': `${mattermostPassword}\n`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text, { mode: name.endsWith('.sh') ? 0o755 : 0o600 });
  return cwd;
}
