/**
 * The command line as data: every command with its arguments, options and fields. The entry
 * parses by it, the help and the completions are made from it, and each command's run has its
 * options by the types declared here. No imports but descriptions, so that reading the command
 * line loads nothing else.
 */
import { formats } from '../exporters/formats.ts';
import * as n8n from '../services/n8n/fields.ts';
import { variableName, type Field } from '../services/field.ts';
import { serviceLines } from '../services/map.ts';
import type { ProvisioningLine, ServiceLine } from '../services/service-line.ts';
import type { CommandSpec } from './command.ts';
import { choice, flag, grouped, number, port, text, texts, unless, words, type OptionSpec, type OptionSpecs } from './option.ts';

/** Every command takes these, before or behind its name. */
export const everywhere = grouped('In every command', {
  json: flag('--json', 'one JSON document on standard output'),
  input: unless('--no-input', 'never ask'),
  yes: flag('--yes', 'confirm what this command line asks for'),
  quiet: flag('--quiet', 'only warnings and errors'),
  verbose: flag('--verbose', 'every possible cause of a failure'),
  debug: flag('--debug', 'what is asked of whom, secrets masked'),
  color: unless('--no-color', 'no colours (also: NO_COLOR)'),
  plain: flag('--plain', 'numbered choices and nothing drawn, for screen readers (also: CREDSETUP_PLAIN=1)'),
});

export const network = grouped('Network', {
  proxy: text('--proxy <url>', 'proxy for this run, without user name and password'),
  timeout: number('--timeout <seconds>', 'time for one request (30)'),
});

const connection = grouped('Network', {
  caFile: texts('--ca-file <file>', 'certificate of an authority to trust, stored with the credential (repeatable)'),
  ignoreSslIssues: flag('--ignore-ssl-issues', 'do not check the certificate of this server'),
  allowHttp: flag('--allow-http', 'accept an http:// address that is not this computer'),
});

/** What a sign-in in a browser takes. */
const signIn = {
  callbackPort: port('--callback-port <port>', 'OAuth2: port of the Redirect URI (18265)'),
  browser: unless('--no-browser', 'OAuth2: print the address and open nothing'),
  loginTimeout: number('--login-timeout <seconds>', 'OAuth2: how long to wait for the sign-in (300)'),
};

/** What a client of its own takes beside that, when it is set up. */
const newClient = {
  grant: choice('--grant <grant>', 'OAuth2: by a person (authorization-code, the default) or by the client itself', ['authorization-code', 'client-credentials']),
  signIn: choice('--sign-in <who>', 'OAuth2: who signs in: this computer (here, the default in a script), or n8n alone, and its client is kept here', ['here', 'n8n']),
  n8nCallbackUrl: text('--n8n-callback-url <url>', 'OAuth2: n8n\'s address, a stored n8n\'s name or its OAuth Callback URL; that is registered beside ours'),
};

const prefix = { prefix: text('--prefix <word>', 'names of variables begin with this word: CRM sets CRM_URL') };

const githubMask = { githubMask: flag('--github-mask', 'in a job of GitHub Actions: mask the secrets in its log first') };

const output = {
  output: text('--output <file>', 'write the export to this file (mode 0600)'),
  overwrite: flag('--overwrite', 'write over a file that is there'),
  ...prefix, ...githubMask,
};

/** How an n8n is reached that is not stored. */
const toN8n = {
  caFile: texts('--ca-file <file>', 'certificate of an authority to trust for n8n (repeatable)'),
  allowHttp: flag('--allow-http', 'accept an http:// address of n8n that is not this computer'),
};
const run = { run: flag('--run', 'have n8n run it once in a workflow of ours, made and removed again') };

/** A refresh token lives in one place only. */
const handOver = { handOver: flag('--hand-over', 'OAuth2: give the sign-in away too; it is not refreshed here any more') };
const all = { all: flag('--all', 'every stored credential') };

/** A field as options: the value itself, or for a secret a file and standard input. */
export function fieldOptions(field: Field, group = 'Values'): { readonly value?: OptionSpec; readonly file?: OptionSpec; readonly stdin?: OptionSpec } {
  if (!field.secret) return grouped(group, { value: text(`${field.option} <${field.key}>`, field.label) });
  return grouped(group, {
    file: text(`${field.option} <file>`, `file that holds the ${field.label}`),
    ...(field.stdinOption === undefined ? {} : { stdin: flag(field.stdinOption, `read the ${field.label} from standard input`) }),
  });
}

function variables(service: string, fields: readonly Field[]): readonly string[] {
  return [`Variables: ${fields.map((field) => variableName(service, field)).join(', ')}`, `or without ${service.toUpperCase()}_. No option takes a secret.`];
}

/** The heading of what is about OAuth2 names the option that chooses it. */
const oauthGroup = 'With --method oauth2';

const setUpOptions = {
  method: text('--method <method>', 'how the credential signs in'),
  ...grouped(oauthGroup, { ...newClient, ...signIn }),
  create: flag('', ''),
  repair: flag('--repair', ''),
  ...grouped('Keeping', {
    store: choice('--store <store>', 'where it is kept (keychain)', ['keychain', 'file', 'vault', 'none']),
    name: text('--name <name>', 'the name it is saved under'),
    replace: flag('--replace', 'replace what has this name'),
    require: words('--require <names>', 'what the account must be able to do, by commas'),
  }),
  ...grouped('With --export: written out, too', {
    export: choice('--export <format>', 'also write the credential, with its secrets, to standard output', formats),
    ...output,
  }),
  ...connection, ...network,
};

export type SetUpSpec = CommandSpec<typeof setUpOptions>;

/** What makes the secret, and all that goes with it. */
function madeGroup({ option }: ProvisioningLine): string {
  return `With ${option}: made for you, by a sign-in`;
}

/** Asked, given in a script, and made there. */
function setUpExamples(id: string, fields: readonly Field[], methods: readonly string[], provisioning: ProvisioningLine | undefined): readonly string[] {
  const given = (field: Field): string => field.secret ? field.stdinOption ?? `${field.option} FILE` : `${field.option} ${field.option === '--url' ? 'URL' : 'NAME'}`;
  // The password is asked for.
  const signIn = provisioning?.signInFields.slice(0, 1).map(given).join(' ') ?? '';
  const method = methods[0] !== undefined && methods.length > 1 ? ` --method ${methods[0]}` : '';
  return [
    `credsetup ${id}`,
    ...(methods.length > 1 ? [] : [`credsetup ${id} ${fields.map(given).join(' ')} --name NAME`]),
    ...(provisioning === undefined ? [] : [`credsetup ${id}${method} --url URL ${provisioning.option} ${signIn}`]),
  ];
}

/** The command that sets a service's credential up: options by what the service can do. */
function setUpCommand({ id, title, fields, methods, oauth, provisioning }: ServiceLine): SetUpSpec {
  const taken = [...fields, ...provisioning?.fields ?? []].filter((field, index, list) => list.findIndex(({ option }) => option === field.option) === index);
  return {
    name: id, summary: `set up a credential of ${title}`,
    fields: taken,
    options: {
      ...setUpOptions,
      method: { ...setUpOptions.method, choices: methods },
      ...(provisioning === undefined ? {} : grouped(madeGroup(provisioning), {
        create: flag(provisioning.option, provisioning.help), repair: flag('--repair', provisioning.repairHelp),
      })),
    },
    without: [
      ...(methods.length > 1 ? [] : ['method']),
      ...(oauth ? [] : Object.keys({ ...newClient, ...signIn })),
      ...(provisioning === undefined ? ['create', 'repair'] : []),
    ],
    fieldGroup: (field) => (provisioning === undefined || fields.includes(field) ? 'Values' : madeGroup(provisioning)),
    examples: setUpExamples(id, fields, methods, provisioning),
    notes: variables(id, fields),
  };
}

export const setUps: readonly SetUpSpec[] = serviceLines.map(setUpCommand);

/** Every field of the services once for each option: two services may name one alike. */
function fieldsOf(choose: (line: ServiceLine) => readonly Field[]): readonly Field[] {
  return serviceLines.flatMap(choose).filter(
    (field, index, list) => list.findIndex(({ option, key }) => option === field.option && key === field.key) === index,
  );
}

/** Who acts at the service for a stored secret that may not do so itself, such as a bot's token. */
const signInForStored = fieldsOf(({ provisioning }) => provisioning?.signInFields ?? []);
/** Who adds n8n's callback to a client at the service. */
const signInAtClient = fieldsOf(({ oauth, provisioning }) => oauth ? provisioning?.signInFields ?? [] : []);
const tokenId = { tokenId: text('--token-id <id>', 'Token ID of a token that was pasted') };

/** Typed by its options. */
function command<O extends OptionSpecs>(spec: CommandSpec<O>): CommandSpec<O> {
  return spec;
}

export const reconnect = command({
  name: 'reconnect', arguments: '<name>', summary: 'set up a credential again: what was refused, or a new sign-in',
  fields: fieldsOf(({ fields }) => fields.filter(({ secret }) => secret)),
  options: { ...signIn, url: text('--url <url>', 'its address again, where its secret is gone'), ...connection, ...network },
});

export const edit = command({
  name: 'edit', arguments: '<name>', summary: 'another address, TLS setting or store; validated before it is saved',
  options: {
    url: text('--url <url>', 'another address of the same server'),
    store: choice('--store <store>', 'keep it elsewhere', ['keychain', 'file', 'vault']),
    ...connection,
    dropCa: flag('--drop-ca', 'forget the stored certificates'),
    checkSsl: flag('--check-ssl', 'check the certificate again'),
    httpsOnly: flag('--https-only', 'refuse http:// again'),
    ...network,
  },
});

export const list = command({ name: 'list', aliases: ['ls'], summary: 'what is stored; reads no secret', options: network });

export const show = command({ name: 'show', arguments: '<name>', summary: 'one credential', options: { reveal: flag('--reveal', 'with its secrets'), ...network } });

export const get = command({ name: 'get', arguments: '<name> [field]', summary: 'one value, for pipes: the secret, or url, username, ...', options: { ...githubMask, ...network } });

export const test = command({ name: 'test', arguments: '[names...]', summary: 'validate stored credentials with their servers', options: { ...all, expiring: number('--expiring <days>', 'fail for what ends within so many days'), inN8n: flag('--in-n8n', 'also ask each n8n that holds a copy'), ...run, ...toN8n, ...network } });

export const exporting = command({
  name: 'export', arguments: '[names...]', summary: 'write credentials with their secrets',
  options: {
    ...all,
    format: choice('--format <format>', 'how it is written (json)', formats),
    test: flag('--test', 'validate first, and write nothing when one fails'),
    ...handOver, ...output, ...network,
  },
});

/** What a command that stores many says of all of them. */
const bringing = {
  store: choice('--store <store>', 'where they are kept (keychain)', ['keychain', 'file', 'vault']),
  replace: flag('--replace', 'replace what has the same name and another address or account'),
  dryRun: flag('--dry-run', 'only say what would be done; nothing is sent'),
};

export const importing = command({
  name: 'import', arguments: '<file>', summary: 'store what an export (JSON) holds, validated; - is standard input',
  options: { ...bringing, partial: flag('--partial', 'store those that work although others do not'), ...connection, ...network },
});

export const apply = command({
  name: 'apply', arguments: '<file>', summary: 'set up many credentials from a list (YAML or JSON) without secrets; - is standard input',
  options: {
    ...bringing,
    allowEnv: texts('--allow-env <name>', 'a variable that the list may name although it does not begin with CREDSETUP_ (repeatable)'),
    secretsDir: text('--secrets-dir <folder>', 'the folder that files named in the list must lie in'),
    allowHost: texts('--allow-host <host>', 'HOST or HOST:PORT that secrets may be sent to, that of an n8n too (repeatable; needed in a script)'),
    ignoreSslIssues: flag('--ignore-ssl-issues', 'entries may leave the certificate of their server unchecked'),
    allowHttp: flag('--allow-http', 'entries may have an http:// address that is not this computer'),
    ...network,
  },
});

export const refresh = command({
  name: 'refresh', arguments: '[names...]', summary: 'OAuth2: new access tokens now',
  options: { ...all, olderThan: number('--older-than <days>', 'only those that were not renewed for so many days'), ...network },
});

export const exec = command({
  name: 'exec', arguments: '<names...>', summary: 'run a command with credentials in its environment', passThrough: true,
  options: { ...prefix, ...githubMask, ...network },
  notes: ['The command stands behind two dashes: credsetup exec NAME -- COMMAND', 'Its exit code is ours; 125 is a failure before it started, 126 cannot be executed, 127 was not found.'],
});

export const push = command({
  name: 'push', arguments: '<target> [names...]', summary: 'create or update stored credentials in an n8n, by its API',
  fields: [...n8n.targetFields, ...signInAtClient],
  options: {
    ...all,
    replace: flag('--replace', 'write over what was pushed to that n8n before'),
    disconnect: flag('--disconnect', 'OAuth2: n8n\'s own sign-in may end with it'),
    ...handOver, ...run,
    urlInN8n: text('--url-in-n8n <url>', 'the address by which that n8n reaches the service'),
    project: text('--project <id>', 'the project of that n8n that it belongs to'),
    into: text('--into <id>', 'write into this credential of that n8n'),
    ...toN8n, ...network,
  },
  notes: [
    'The target is a stored n8n\'s name, or n8n: the only stored one, or the one that the options or variables give.',
    'A sign-in at the service adds n8n\'s OAuth Callback URL to the client, where it is not registered.',
    'Variables: CREDSETUP_N8N_URL, CREDSETUP_N8N_API_KEY. No option takes a secret.',
  ],
});

export const check = command({
  name: 'check', arguments: '<target>', summary: 'what an n8n holds of the types that are known, and whether it works there',
  fields: n8n.targetFields,
  options: {
    ...run, caFile: texts('--ca-file <file>', 'certificate of an authority to trust for n8n, and for a service that is set up anew (repeatable)'),
    allowHttp: flag('--allow-http', 'accept an http:// address that is not this computer, of both'),
    ignoreSslIssues: flag('--ignore-ssl-issues', 'do not check the certificate of a service that is set up anew'), ...network,
  },
  notes: ['The target is a stored n8n\'s name, or n8n. Exit code 15 when one does not work.'],
});

export const store = command({ name: 'store', summary: 'which store is used and why, and whether it works', options: network });

export const rename = command({ name: 'rename', arguments: '<old> <new>', summary: 'another name for a credential', options: network });

export const rotate = command({
  name: 'rotate', arguments: '<name>', summary: 'a new secret at the service in place of the old one',
  fields: [...signInForStored, ...fieldsOf(({ provisioning }) => provisioning?.secretFields ?? [])],
  options: {
    ...tokenId,
    push: unless('--no-push', 'leave the copies in n8n alone'),
    handOver: flag('--hand-over', 'OAuth2: the new sign-in goes to the n8n that holds the copy, and is refreshed there alone'),
    disconnect: flag('--disconnect', 'OAuth2: n8n\'s own sign-in may end; somebody presses Connect there again'),
    ...run,
    grace: text('--grace <seconds>', 'how long the old one lives on after each n8n has the new one (5)'),
    ...toN8n, ...network,
  },
  notes: [
    'Without a sign-in, the stored token makes its successor, where the service lets it.',
    'An n8n that is not stored: CREDSETUP_N8N_URL, CREDSETUP_N8N_API_KEY.',
  ],
});

export const remove = command({
  name: 'remove', aliases: ['rm', 'delete'], arguments: '<names...>', summary: 'remove credentials from this computer',
  fields: signInForStored,
  options: {
    revoke: flag('--revoke', 'end it at the service first'),
    inN8n: flag('--in-n8n', 'delete its copies in n8n, too'),
    shared: flag('--shared', 'with --revoke: also a client whose Redirect URI names others'),
    localOnly: flag('--local-only', 'remove it here although it could not be ended there'),
    ...tokenId, ...toN8n, ...network,
  },
});

export const completion = command({
  name: 'completion', arguments: '<shell>', words: ['bash', 'zsh', 'fish', 'names'], summary: 'a script that completes commands, options and names in bash, zsh or fish', options: {},
  notes: ['In ~/.bashrc: source <(credsetup completion bash)', 'In ~/.zshrc, behind compinit: source <(credsetup completion zsh)', 'For fish: credsetup completion fish > ~/.config/fish/completions/credsetup.fish'],
});

export const doctor = command({ name: 'doctor', summary: 'what of this computer keeps a set-up from working, and how to repair it', options: { ...network } });

/** Every command under the heading of what it is for. */
const sections: readonly (readonly [group: string, specs: readonly CommandSpec[]])[] = [
  ['Set up', [...setUps, reconnect, edit, importing, apply]],
  ['Look and test', [list, show, test, check, doctor, store]],
  ['Use', [push, get, exporting, exec]],
  ['Keep', [refresh, rotate, rename, remove]],
  ['Shell', [completion]],
];

export const commands: readonly CommandSpec[] = sections.flatMap(([group, specs]) => specs.map((spec) => ({ ...spec, group })));

/** The root help begins with these. */
export const examples: readonly string[] = [
  'credsetup                 a menu: set up, see what is stored',
  `credsetup ${(serviceLines[0]?.id ?? '').padEnd(16)}set one up, step by step`,
  'credsetup test --all      whether what is stored still works',
  'credsetup push n8n NAME   put it into your n8n',
];

/** All that a command takes, each option once, its fields' first. */
export function optionsOf({ options, without = [], fields = [], fieldGroup }: CommandSpec): readonly OptionSpec[] {
  const own = Object.entries(options).filter(([key]) => !without.includes(key)).map(([, spec]) => spec);
  const ofFields = fields.flatMap((field): readonly OptionSpec[] => Object.values(fieldOptions(field, fieldGroup?.(field))));
  const word = ({ flags }: OptionSpec): string => flags.split(' ')[0] ?? '';
  return [...ofFields, ...own, ...Object.values(everywhere)].filter((one, index, every) => every.findIndex((other) => word(other) === word(one)) === index);
}
