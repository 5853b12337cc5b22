/**
 * The command line as data: every command with its arguments and options. The entry parses by
 * it, the help is made from it, completions can be. No imports but the fields' descriptions, so
 * that reading the command line loads nothing else.
 */
import * as mattermost from '../services/mattermost/fields.ts';
import * as mautic from '../services/mautic/fields.ts';
import * as n8n from '../n8n/fields.ts';
import type { Field } from '../services/service.ts';

export interface OptionSpec {
  /** As commander reads it: `--url <url>`. */
  readonly flags: string;
  readonly help: string;
  readonly choices?: readonly string[];
  /** May be given several times; the value is a list. */
  readonly repeatable?: boolean;
  /** A number above zero, in plain digits. */
  readonly number?: boolean;
  /** A TCP port. */
  readonly port?: boolean;
  /** Values separated by commas. */
  readonly list?: boolean;
}

export interface CommandSpec {
  readonly name: string;
  /** As commander reads it: `[name...]`. */
  readonly arguments?: string;
  readonly summary: string;
  readonly options: readonly OptionSpec[];
  readonly notes?: readonly string[];
  /** What stands after `--` is not ours, whatever it looks like. */
  readonly passThrough?: boolean;
}

/** Every command takes these, before or behind its name. */
export const everywhere: readonly OptionSpec[] = [
  { flags: '--json', help: 'one JSON document on standard output' },
  { flags: '--no-input', help: 'never ask' },
  { flags: '--yes', help: 'confirm what this command line asks for' },
  { flags: '--quiet', help: 'only warnings and errors' },
  { flags: '--debug', help: 'what is asked of whom, secrets masked' },
  { flags: '--no-color', help: 'no colours (also: NO_COLOR)' },
];

const network: readonly OptionSpec[] = [
  { flags: '--proxy <url>', help: 'proxy for this run, without user name and password' },
  { flags: '--timeout <seconds>', help: 'time for one request (30)', number: true },
];

const connection: readonly OptionSpec[] = [
  { flags: '--ca-file <file>', help: 'certificate of an authority to trust, stored with the credential (repeatable)', repeatable: true },
  { flags: '--ignore-ssl-issues', help: 'do not check the certificate of this server' },
  { flags: '--allow-http', help: 'accept an http:// address that is not this computer' },
];

const saving: readonly OptionSpec[] = [
  { flags: '--store <store>', help: 'where it is kept (keychain)', choices: ['keychain', 'file', 'none'] },
  { flags: '--name <name>', help: 'the name it is saved under' },
  { flags: '--replace', help: 'replace what has this name' },
];

/** What a sign-in in a browser takes. */
const signIn: readonly OptionSpec[] = [
  { flags: '--callback-port <port>', help: 'OAuth2: port of the Redirect URI (18265)', port: true },
  { flags: '--no-browser', help: 'OAuth2: print the address and open nothing' },
  { flags: '--login-timeout <seconds>', help: 'OAuth2: how long to wait for the sign-in (300)', number: true },
];

export const formats = ['json', 'n8n', 'dotenv', 'shell', 'kubernetes'] as const;

const prefix: OptionSpec = { flags: '--prefix <word>', help: 'names of variables begin with this word: CRM sets CRM_URL' };

const output: readonly OptionSpec[] = [
  { flags: '--output <file>', help: 'write the export to this file (mode 0600)' },
  { flags: '--overwrite', help: 'write over a file that is there' },
  prefix,
];

const setUpOnly: readonly OptionSpec[] = [
  { flags: '--require <names>', help: 'what the account must be able to do, by commas', list: true },
  { flags: '--export <format>', help: 'also write the credential, with its secrets, to standard output', choices: formats },
  ...output,
];

/** A field as options: the value itself, or for a secret a file and standard input. */
function fieldOptions(field: Field): readonly OptionSpec[] {
  if (!field.secret) return [{ flags: `${field.option} <${field.key}>`, help: field.label }];
  return [
    { flags: `${field.option} <file>`, help: `file that holds the ${field.label}` },
    ...(field.stdinOption === undefined ? [] : [{ flags: field.stdinOption, help: `read the ${field.label} from standard input` }]),
  ];
}

function variables(service: string, fields: readonly Field[]): readonly string[] {
  return [`Variables: ${fields.map((field) => `CREDSETUP_${service.toUpperCase()}_${field.variable}`).join(', ')}`, `or without ${service.toUpperCase()}_. No option takes a secret.`];
}

function setUpCommand(name: string, title: string, fields: readonly Field[], more: readonly OptionSpec[]): CommandSpec {
  return {
    name, summary: `set up a ${title} credential`,
    options: [...fields.flatMap(fieldOptions), ...more, ...saving, ...setUpOnly, ...connection, ...network],
    notes: variables(name, fields),
  };
}

/** Every secret that a stored credential can be given anew. */
const reconnectFields: readonly OptionSpec[] = [...mautic.fields, ...mattermost.fields].filter((field) => field.secret).flatMap(fieldOptions);

/** Who acts at the service for a stored token that may not do so itself, such as a bot's. */
const signInForStored: readonly OptionSpec[] = [mattermost.username, mattermost.password, mattermost.mfaCode, mattermost.adminToken].flatMap(fieldOptions);
const tokenId: OptionSpec = { flags: '--token-id <id>', help: 'Token ID of a token that was pasted' };

/** A refresh token lives in one place only. */
const handOver: OptionSpec = { flags: '--hand-over', help: 'OAuth2: give the sign-in away too; it is not refreshed here any more' };

export const commands: readonly CommandSpec[] = [
  setUpCommand('mautic', 'Mautic', mautic.fields, [
    { flags: '--method <method>', help: 'how the credential signs in', choices: ['basic', 'oauth2'] },
    { flags: '--grant <grant>', help: 'OAuth2: by a person (authorization-code, the default) or by the client itself', choices: ['authorization-code', 'client-credentials'] },
    { flags: '--n8n-callback-url <url>', help: 'OAuth2: n8n\'s OAuth Callback URL, registered beside ours' },
    ...signIn,
  ]),
  setUpCommand('mattermost', 'Mattermost', [...mattermost.fields, ...mattermost.provisioningFields], [
    { flags: '--create-token', help: 'sign in once and make the token' },
    { flags: '--repair', help: 'as an admin, change on the server what keeps a token from being made' },
  ]),
  {
    name: 'reconnect', arguments: '<name>', summary: 'set up a credential again: what was refused, or a new sign-in',
    options: [...reconnectFields, ...signIn, ...network],
  },
  {
    name: 'edit', arguments: '<name>', summary: 'another address, TLS setting or store; validated before it is saved',
    options: [
      { flags: '--url <url>', help: 'another address of the same server' },
      { flags: '--store <store>', help: 'keep it elsewhere', choices: ['keychain', 'file'] },
      ...connection,
      { flags: '--drop-ca', help: 'forget the stored certificates' },
      { flags: '--check-ssl', help: 'check the certificate again' },
      { flags: '--https-only', help: 'refuse http:// again' },
      ...network,
    ],
  },
  { name: 'list', summary: 'what is stored; reads no secret', options: [] },
  { name: 'show', arguments: '<name>', summary: 'one credential', options: [{ flags: '--reveal', help: 'with its secrets' }] },
  { name: 'get', arguments: '<name> [field]', summary: 'one value, for pipes: the secret, or url, username, ...', options: network },
  { name: 'test', arguments: '[names...]', summary: 'validate stored credentials with their servers', options: [{ flags: '--all', help: 'every stored credential' }, ...network] },
  {
    name: 'export', arguments: '[names...]', summary: 'write credentials with their secrets',
    options: [
      { flags: '--all', help: 'every stored credential' },
      { flags: '--format <format>', help: 'how it is written (json)', choices: formats },
      { flags: '--test', help: 'validate first, and write nothing when one fails' },
      handOver,
      ...output, ...network,
    ],
  },
  { name: 'refresh', arguments: '<names...>', summary: 'OAuth2: new access tokens now', options: network },
  {
    name: 'exec', arguments: '<names...>', summary: 'run a command with credentials in its environment', passThrough: true,
    options: [prefix, ...network],
    notes: ['The command stands behind two dashes: credsetup exec NAME -- COMMAND', 'Its exit code is ours; 125 is a failure before it started, 126 cannot be executed, 127 was not found.'],
  },
  {
    name: 'push', arguments: '<target> [names...]', summary: 'create stored credentials in an n8n, by its API',
    options: [
      { flags: '--all', help: 'every stored credential' },
      ...n8n.fields.flatMap(fieldOptions),
      { flags: '--replace', help: 'write over what was pushed to that n8n before' },
      handOver,
      { flags: '--ca-file <file>', help: 'certificate of an authority to trust for n8n (repeatable)', repeatable: true },
      { flags: '--allow-http', help: 'accept an http:// address of n8n that is not this computer' },
      ...network,
    ],
    notes: ['credsetup push n8n NAME', 'Variables: CREDSETUP_N8N_URL, CREDSETUP_N8N_API_KEY. No option takes a secret.'],
  },
  { name: 'rename', arguments: '<old> <new>', summary: 'another name for a credential', options: [] },
  {
    name: 'rotate', arguments: '<name>', summary: 'a new secret at the service in place of the old one',
    options: [...signInForStored, ...[mattermost.description, mattermost.expiresIn].flatMap(fieldOptions), tokenId, ...network],
    notes: ['Without a sign-in, the stored token makes its successor.'],
  },
  {
    name: 'remove', arguments: '<names...>', summary: 'remove credentials from this computer',
    options: [
      { flags: '--revoke', help: 'end it at the service first' },
      { flags: '--local-only', help: 'remove it here although it could not be ended there' },
      tokenId, ...signInForStored, ...network,
    ],
  },
];
