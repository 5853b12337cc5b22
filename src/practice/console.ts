/** What a person who runs the practice servers reads, and the commands that they type there. */
import { gatewayKinds, inFront, type GatewayKind } from './gateways.ts';
import { mattermostMfaCode, mattermostPassword, type PracticeMattermost } from './mattermost.ts';
import { mauticPassword, type MauticClient, type PracticeMautic } from './mautic.ts';

/** The two servers, and what was made in them for the person. */
export interface Practice {
  readonly mattermost: PracticeMattermost;
  readonly mautic: PracticeMautic;
  readonly token: { readonly id: string; readonly token: string };
  readonly client: MauticClient;
}

/** Makes a token and a client to begin with. */
export function furnish(mattermost: PracticeMattermost, mautic: PracticeMautic): Practice {
  const token = mattermost.makeToken('joe');
  for (const username of ['admin', 'joe']) mattermost.joinTeam(username);
  return { mattermost, mautic, token, client: mautic.makeClient() };
}

/** Everything that is needed to type: addresses, accounts, secrets (made up for practice), commands. */
export function welcome({ mattermost, mautic, token, client }: Practice): string {
  return `Practice servers. Everything here is made up and ends with this program.

Mattermost ${mattermost.state.version}   ${mattermost.url}
  Access Token  ${token.token}   (of joe)
  Token ID      ${token.id}   (refused, as by a real server)
  Accounts      admin, joe, maker (may make tokens), mfa (code ${mattermostMfaCode}), locked, gone, gitlab
  Password      ${mattermostPassword}   (of every account)

    node bin/credsetup.js mattermost --url ${mattermost.url}
    node bin/credsetup.js mattermost --url ${mattermost.url} --create-token --username maker

Mautic ${mautic.state.version}       ${mautic.url}
  Accounts      admin, bare (no permission), apionly, contacts (may view contacts)
  Password      ${mauticPassword}   (of every account)
  Client ID     ${client.clientId}
  Client Secret ${client.clientSecret}
  Redirect URI  ${client.redirectUris.join(', ')}

    node bin/credsetup.js mautic --url ${mautic.url} --method basic --username admin
    node bin/credsetup.js mautic --url ${mautic.url} --method oauth2

Type these in a second terminal; with credsetup installed, "credsetup" stands for "node bin/credsetup.js".
`;
}

interface Switch {
  readonly name: string;
  readonly means: string;
  readonly get: (practice: Practice) => boolean;
  readonly set: (practice: Practice, on: boolean) => void;
}

const switches: readonly Switch[] = [
  { name: 'api', means: 'Mautic: API enabled?', get: ({ mautic }) => mautic.state.apiEnabled, set: ({ mautic }, on) => { mautic.state.apiEnabled = on; } },
  { name: 'basic', means: 'Mautic: Enable HTTP basic auth?', get: ({ mautic }) => mautic.state.basicEnabled, set: ({ mautic }, on) => { mautic.state.basicEnabled = on; } },
  { name: 'header', means: 'Mautic: the web server passes the Authorization header on', get: ({ mautic }) => !mautic.state.headerDropped, set: ({ mautic }, on) => { mautic.state.headerDropped = !on; } },
  { name: 'tokens', means: 'Mattermost: personal access tokens', get: ({ mattermost }) => mattermost.state.tokensEnabled, set: ({ mattermost }, on) => { mattermost.state.tokensEnabled = on; } },
  { name: 'token', means: 'Mattermost: the Access Token above is active', get: ({ mattermost, token }) => mattermost.state.tokens.some(({ id, active }) => id === token.id && active), set: setToken },
  { name: 'bots', means: 'Mattermost: bot accounts', get: ({ mattermost }) => mattermost.state.botsEnabled, set: ({ mattermost }, on) => { mattermost.state.botsEnabled = on; } },
  { name: 'sso', means: 'Mattermost: sign-in with GitLab', get: ({ mattermost }) => mattermost.state.sso.length > 0, set: ({ mattermost }, on) => { mattermost.state.sso = on ? ['gitlab'] : []; } },
  { name: 'developer', means: 'Mattermost: developer mode', get: ({ mattermost }) => mattermost.state.developerMode, set: ({ mattermost }, on) => { mattermost.state.developerMode = on; } },
];

function setToken({ mattermost, token }: Practice, on: boolean): void {
  for (const one of mattermost.state.tokens) if (one.id === token.id) one.active = on;
}

/** The commands, a line each. */
export function commandHelp(): string {
  const lines = switches.map(({ name, means }) => `  ${`${name} on|off`.padEnd(28)}${means}`);
  return ['Commands here:', ...lines,
    `  ${'mautic|mattermost KIND|open'.padEnd(28)}puts in front of it: ${gatewayKinds.join(', ')}`,
    `  ${'status'.padEnd(28)}how the switches stand`, `  ${'help, quit'.padEnd(28)}`, ''].join('\n');
}

/** How the switches stand. */
export function status(practice: Practice): string {
  return switches.map((one) => `  ${one.name.padEnd(10)} ${(one.get(practice) ? 'on' : 'off').padEnd(4)} ${one.means}\n`).join('');
}

/** Carries a typed line out. Undefined: the person wants to quit. */
export function carryOut(practice: Practice, line: string): string | undefined {
  const [word = '', value = ''] = line.trim().toLowerCase().split(/\s+/);
  if (word === '') return '';
  if (word === 'quit' || word === 'exit') return undefined;
  if (word === 'status') return status(practice);
  const found = switches.find(({ name }) => name === word);
  if (found !== undefined && (value === 'on' || value === 'off')) {
    found.set(practice, value === 'on');
    return `  ${found.means}: ${value}\n`;
  }
  if (word === 'mautic' || word === 'mattermost') return putInFront(practice, word, value);
  return commandHelp();
}

function putInFront(practice: Practice, service: 'mautic' | 'mattermost', kind: string): string {
  const isKind = (text: string): text is GatewayKind => (gatewayKinds as string[]).includes(text);
  if (kind !== 'open' && !isKind(kind)) return commandHelp();
  practice[service].intercept = isKind(kind) ? inFront(kind) : undefined;
  return `  In front of ${service}: ${isKind(kind) ? kind : 'nothing'}\n`;
}
