/** `credsetup SERVICE`: sets up one new credential, and hands it over. */
import type { Context } from '../context.ts';
import type { FullCredential, StoreKind } from '../credential.ts';
import { printError } from '../error-text.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import type { Service } from '../services/service.ts';
import type { Grant, SetupOptions, SignInOptions } from '../wizard/draft.ts';
import { expiryWarnings } from '../stored/expiry.ts';
import { provisioningFieldsOf } from '../wizard/provisioning/stages.ts';
import { setUp } from '../wizard/set-up.ts';
import { handOver } from '../wizard/into-n8n.ts';
import type { FieldOptions } from '../field-sources.ts';
import { allowExport, exportTarget, writeExport } from './export.ts';
import type { Call, Run } from './command.ts';
import { flag, list, networkOptions, number, text, type RawOptions } from './options.ts';

/** The run of one service's set-up command. */
export function setUpCommand(service: Service, { fromMenu = false } = {}): Run {
  return async (call, context) => {
    const format = text(call.options, 'export');
    const target = format === undefined ? undefined : exportTarget(call, format);
    if (target === undefined && ['output', 'overwrite', 'prefix'].some((key) => call.options[key] !== undefined)) {
      throw new CredsetupError('USAGE', '--output, --overwrite and --prefix go with --export.', { hint: 'Add --export json, or another format.' });
    }
    if (target !== undefined) await allowExport(target, call, context);
    const deliver = async (one: FullCredential): Promise<void> => { if (target !== undefined) await writeExport([one], target, call.json, context); };
    const options = { ...setupOptions(service, call, context.env['CREDSETUP_STORE']), fromMenu, ...(target === undefined ? {} : { deliver }) };
    const { status, full, delivered } = await setUp(options, context);
    const { output } = context;
    const ending = expiryWarnings(full.credential, context.now());
    const credential = { ...full.credential, warnings: [...full.credential.warnings, ...ending] };
    for (const { code, message } of ending) output.warn(`  ${output.style.caution('!')} ${message} (${code})`);
    if (status === 'validated') output.say(`${output.style.good('✔')} Validated. Nothing was kept (--store none).`);
    else output.say(`${output.style.good('✔')} Saved as ${output.style.bold(credential.name)} in ${credential.store === 'keychain' ? 'the OS keychain' : 'the encrypted file'}${status === 'replaced' ? ', in place of the one before' : ''}.`);
    if (target !== undefined) await (delivered ? undefined : deliver(full));
    else if (call.json) output.json(credential);
    else if (context.interactive) await handOver(full, service, context, (name) => putIntoN8n(name, call, context));
    return 0;
  };
}

/** `push n8n NAME`, asked for at the end of a set-up; a failure is told, and what was saved stays. */
async function putIntoN8n(name: string, call: Call, context: Context): Promise<void> {
  const { run } = await import('./push.ts');
  try {
    await run({ ...call, args: ['n8n', [name]], options: networkRaw(call.options) }, context);
  } catch (error) {
    if (!isCredsetupError(error) || context.signal.aborted) throw error;
    printError(error, context.output);
    context.output.say(`  ${name} is saved here all the same. Try again with: credsetup push n8n ${name}`);
  }
}

/** The server's own address and certificates are not n8n's. */
function networkRaw({ proxy, timeout }: RawOptions): RawOptions {
  return { proxy, timeout };
}

function setupOptions(service: Service, { options }: Call, storeVariable: string | undefined): SetupOptions {
  return {
    service, method: text(options, 'method'), name: text(options, 'name'), replace: flag(options, 'replace'),
    store: storeOf(text(options, 'store') ?? (storeVariable === '' ? undefined : storeVariable)),
    fields: fieldOptions(service, options), require: list(options, 'require'), signIn: signInOptions(options),
    create: flag(options, 'createToken'), repair: flag(options, 'repair'),
    caFiles: list(options, 'caFile'), ignoreSslIssues: flag(options, 'ignoreSslIssues'), allowHttp: flag(options, 'allowHttp'),
    ...networkOptions(options),
    proxy: text(options, 'proxy'), timeout: networkOptions(options).timeout,
  };
}

export function signInOptions(options: RawOptions): SignInOptions {
  return {
    grant: text(options, 'grant') as Grant | undefined, callbackPort: number(options, 'callbackPort'), n8nCallbackUrl: text(options, 'n8nCallbackUrl'),
    browser: options['browser'] !== false, loginTimeout: number(options, 'loginTimeout'),
  };
}

function storeOf(value: string | undefined): StoreKind | undefined {
  if (value === undefined || value === 'keychain' || value === 'file' || value === 'none') return value;
  throw new CredsetupError('USAGE', `CREDSETUP_STORE names a store that there is not.`, { hint: 'It takes keychain, file or none.' });
}

/** `--token-file` is `tokenFile` to the parser. */
export function fieldOptions(service: Service, options: RawOptions): Readonly<Record<string, FieldOptions>> {
  const fields = [service.address.field, ...service.methods.flatMap((method) => [...method.fields, ...provisioningFieldsOf(method)])];
  return Object.fromEntries(fields.map((field) => [field.key, field.secret
    ? { file: text(options, camel(field.option)), stdin: field.stdinOption !== undefined && flag(options, camel(field.stdinOption)) }
    : { value: text(options, camel(field.option)) }]));
}

function camel(option: string): string {
  return option.replace(/^--/, '').replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
