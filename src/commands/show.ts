/** `show NAME`: one credential; no network. */
import type { Context } from '../context.ts';
import type { Credential, Pushed } from '../credential.ts';
import { findMethod, findService } from '../services/registry.ts';
import { wrap } from '../terminal/wrap.ts';
import { confirm } from './confirm.ts';
import type { show } from './catalog.ts';
import { name, type Call, type Run } from './command.ts';
import { findOne } from './find-credentials.ts';

export const run: Run<typeof show> = async (call, context) => {
  const vault = await context.vault();
  const wanted = name(call.args);
  if (!call.options.reveal) {
    print(await findOne(wanted, vault), undefined, call, context);
    return 0;
  }
  await allowReveal(call, context);
  const { credential, secrets } = await vault.load(wanted);
  print(credential, secrets, call, context);
  return 0;
};

/** A secret is shown on a screen only when somebody said so. */
async function allowReveal(call: Pick<Call, 'yes'>, context: Context): Promise<void> {
  if (call.yes || !context.outputIsTerminal) return;
  await confirm(context, { message: 'The secret will stand on the screen. Type the word to go on', word: 'show', otherwise: '--yes' });
}

function print(credential: Credential, secrets: Readonly<Record<string, string>> | undefined, { json }: Pick<Call, 'json'>, { output }: Context): void {
  if (json) {
    output.json(secrets === undefined ? credential : { ...credential, secrets }, { secrets: secrets !== undefined });
    return;
  }
  const rows = rowsOf(credential);
  const secretRows = Object.entries(secrets ?? {}).map(([key, value]) => [secretLabel(credential, key), value] as const);
  const width = Math.max(...[...rows, ...secretRows].map(([label]) => label.length)) + 2;
  const line = ([label, value]: readonly [string, string]): string => output.plain(`${label.padEnd(width)}${value}`);
  const columns = output.dataColumns();
  for (const row of rows) output.data(`${columns === undefined ? line(row) : wrap(line(row), columns)}\n`);
  // A secret may have spaces: no line end goes into it.
  for (const row of secretRows) output.data(`${line(row)}\n`);
}

function secretLabel(credential: Credential, key: string): string {
  return findMethod(findService(credential.service), credential.method).fields.find((field) => field.key === key)?.label ?? key;
}

/** Where the copy is, and what n8n said of it last. */
function copyLine({ url, id, name: theirs, urlInN8n, test }: Pushed): string {
  const said = test === undefined ? '' : `, ${test.status} on ${test.at.slice(0, 10)}${test.proof === undefined ? '' : ` by a ${test.proof}`}`;
  return `${url} as ${theirs} (id ${id})${urlInN8n === undefined ? '' : `, which reaches it at ${urlInN8n}`}${said}`;
}

function rowsOf(one: Credential): readonly (readonly [string, string])[] {
  const { account } = one;
  const who = [account.username, account.name, account.email].filter((part) => part !== undefined).join(', ');
  const can = Object.entries(one.capabilities ?? {}).map(([key, may]) => (may ? key : `no ${key}`)).join(', ');
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['Name', one.name], ['Service', one.service], ['Method', one.method], ['Address', one.url],
    ['Signs in', one.signIn === undefined ? undefined : 'n8n alone; here is its client'],
    ['Account', `${who}${account.admin === true ? ' (admin)' : ''}${account.bot === true ? ' (bot)' : ''}`],
    ['Server version', one.server.version], ['Username', one.fields.username], ['Can', can], ['Kept in', one.store], ['Validated', one.validatedAt], ['Ends', one.expiresAt],
    ['TLS', one.ignoreSslIssues ? 'the certificate is not checked' : undefined],
    ['CA certificates', one.caCertificates === 0 ? undefined : String(one.caCertificates)],
    ...(one.pushed ?? []).map((copy) => ['In n8n', copyLine(copy)] as const),
    ...one.warnings.map(({ code, message }) => ['Warning', `${message} (${code})`] as const),
  ];
  return rows.filter((row): row is readonly [string, string] => row[1] !== undefined && row[1] !== '');
}

