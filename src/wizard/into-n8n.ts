/** After saving: what to type in n8n, field by field, in n8n's own labels. */
import type { Choice, Context } from '../context.ts';
import type { FullCredential } from '../credential.ts';
import { findMethod } from '../services/registry.ts';
import { printWarnings } from '../warning-text.ts';
import type { N8nField, Service } from '../services/service.ts';
import { storedN8ns } from './oauth2/n8n-callback.ts';

/** In place of a stored n8n's name: one that is asked for. */
export const anyN8n = '';

/** Where it goes: the stored n8n of that name, or the word for one that is asked for. */
type Goal = 'type' | 'pipe' | 'here' | { readonly put: string };

/**
 * Asks where the credential is needed; an n8n that is stored is one key away. A secret goes to the
 * clipboard only when that is asked for. `put` creates the stored credential in an n8n.
 */
export async function handOver(full: FullCredential, service: Service, context: Context, put: (name: string, target: string) => Promise<void>): Promise<void> {
  const terminal = await context.terminal();
  // What is kept nowhere cannot be read again by another command.
  const stored = full.credential.store !== 'none';
  const n8ns = stored ? await storedN8ns(await context.vault()) : [];
  const answer = await terminal.choose<Goal>({
    message: 'Where do you need it?',
    choices: [
      ...n8ns.map(({ name, url }): Choice<Goal> => ({ value: { put: name }, label: `In n8n: put it into ${name} now`, note: url })),
      ...(stored ? [{ value: { put: anyN8n }, label: n8ns.length === 0 ? 'In n8n: put it there now' : 'In another n8n: put it there now', note: 'with n8n\'s address and an API key' }] : []),
      { value: 'type', label: 'In n8n: show me what to type there, field by field' },
      ...(stored ? [{ value: 'pipe' as const, label: 'In n8n: the command that pipes it there' }] : []),
      { value: 'here', label: full.credential.signIn === undefined ? 'Only here' : 'Later' },
    ],
  });
  if (answer.kind === 'back' || answer.value === 'here') return;
  if (answer.value === 'pipe') showPipes(full, context);
  else if (answer.value === 'type') await showFields(full, service, context);
  else await put(full.credential.name, answer.value.put);
}

/** n8n's importer reads standard input, so no file with secrets is needed. */
function showPipes({ credential: { name } }: FullCredential, { output }: Context): void {
  const from = `credsetup export ${name} --format n8n`;
  const into = 'n8n import:credentials --input=/dev/stdin';
  output.say([
    '', '  On the machine where n8n runs:', `${from} | ${into}`,
    '  Where n8n runs in Docker (with the name of its container):', `${from} | docker exec -i n8n ${into}`,
    // Over ssh standard input may be a socket, which /dev/stdin cannot be opened on; a pipe can.
    '  On another machine (with its name):', `${from} | ssh my-server 'cat | ${into}'`,
    '  It worked when n8n prints: Successfully imported 1 credential.', '  (Its exit code is 0 even when it did not.)',
  ].join('\n'));
}

async function showFields(full: FullCredential, service: Service, context: Context): Promise<void> {
  const { output } = context;
  const { n8n } = findMethod(service, full.credential.method);
  output.say('');
  output.say(`  In n8n, create a credential of the type ${output.style.bold(n8n.title)} (for ${n8n.nodes}) and type:`);
  const width = Math.max(...n8n.fields.map(({ label }) => label.length)) + 2;
  for (const field of n8n.fields) {
    output.say(`    ${output.style.bold(field.label.padEnd(width))}${shown(field, full)}`);
    if (typeof field.from === 'object' && 'secret' in field.from) await offerCopy(field.label, full.secrets[field.from.secret] ?? '', full, context);
  }
  output.say(n8n.tokens === undefined ? '  Save there; n8n then tests the credential.' : '  Then press Connect there: n8n signs in for itself, in its own browser window.');
  const said = full.credential.warnings.filter((one) => one.code.startsWith('N8N_'));
  printWarnings(said, said, output);
}

function shown({ from }: N8nField, { credential, secrets }: FullCredential): string {
  if (from === 'url') return credential.url;
  if (from === 'ignoreSslIssues') return credential.ignoreSslIssues ? 'on' : 'off';
  if ('secret' in from) return `(hidden, ${Array.from(secrets[from.secret] ?? '').length} characters)`;
  if ('path' in from) return credential.url + from.path;
  const fields: Readonly<Record<string, string | undefined>> = { ...credential.fields };
  return fields[from.field] ?? '';
}

async function offerCopy(label: string, secret: string, full: FullCredential, context: Context): Promise<void> {
  const terminal = await context.terminal();
  const key = await terminal.waitKey({ message: label, keys: [{ key: 'c', means: 'copy it to the clipboard' }, { key: 'enter', means: 'go on' }] });
  if (key !== 'c') return;
  if (await context.copyToClipboard(secret)) {
    context.output.say('      Copied. Paste it into n8n now; what is in the clipboard can be read by every program.');
    return;
  }
  await offerScreen(label, secret, full, context);
}

/** Without a clipboard: in another terminal, or on this screen for a moment. Nobody has to leave for it. */
async function offerScreen(label: string, secret: string, { credential }: FullCredential, context: Context): Promise<void> {
  const terminal = await context.terminal();
  const elsewhere = credential.store === 'none' ? '' : ` In another terminal this prints it:\n      credsetup get ${credential.name}`;
  context.output.say(`      There is no clipboard that credsetup can use here.${elsewhere}`);
  // Shown only where standard output is the same person's screen, as every secret.
  const keys = [...(context.outputIsTerminal ? [{ key: 's', means: 'show it here until Enter' }] : []), { key: 'enter', means: 'go on' }];
  const key = await terminal.waitKey({ message: label, keys });
  if (key === 's') await terminal.showBriefly({ label, value: secret });
}
