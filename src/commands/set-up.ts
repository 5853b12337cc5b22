/** `credsetup SERVICE`: sets up one new credential, and hands it over. */
import type { StoreKind } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import type { Service } from '../services/service.ts';
import type { SetupOptions } from '../setup/draft.ts';
import { setUp } from '../setup/setup.ts';
import { handOver } from '../setup/n8n.ts';
import type { FieldOptions } from '../setup/sources.ts';
import { allowExport, exportTarget, writeExport } from './export.ts';
import type { Call, Run } from './command.ts';
import { flag, list, networkOptions, text, type RawOptions } from './options.ts';

/** The run of one service's set-up command. */
export function setUpCommand(service: Service): Run {
  return async (call, context) => {
    const format = text(call.options, 'export');
    const target = format === undefined ? undefined : exportTarget(call, format);
    if (target === undefined && (text(call.options, 'output') !== undefined || flag(call.options, 'overwrite'))) {
      throw new CredsetupError('USAGE', '--output and --overwrite go with --export.', { hint: 'Add --export json.' });
    }
    if (target !== undefined) await allowExport(target, call, context);
    const options = setupOptions(service, call, context.env['CREDSETUP_STORE']);
    const { status, full } = await setUp(options, context);
    const { credential } = full;
    const { output } = context;
    if (status === 'validated') output.say(`${output.style.good('✔')} Validated. Nothing was kept (--store none).`);
    else output.say(`${output.style.good('✔')} Saved as ${output.style.bold(credential.name)} in ${credential.store === 'keychain' ? 'the OS keychain' : 'the encrypted file'}${status === 'replaced' ? ', in place of the one before' : ''}.`);
    if (target !== undefined) await writeExport([full], target, call.json, context);
    else if (call.json) output.json(credential);
    else if (context.interactive) await handOver(full, service, context);
    return 0;
  };
}

function setupOptions(service: Service, { options }: Call, storeVariable: string | undefined): SetupOptions {
  return {
    service, method: text(options, 'method'), name: text(options, 'name'), replace: flag(options, 'replace'),
    store: storeOf(text(options, 'store') ?? (storeVariable === '' ? undefined : storeVariable)),
    fields: fieldOptions(service, options), require: list(options, 'require'),
    caFiles: list(options, 'caFile'), ignoreSslIssues: flag(options, 'ignoreSslIssues'), allowHttp: flag(options, 'allowHttp'),
    ...networkOptions(options),
    proxy: text(options, 'proxy'), timeout: networkOptions(options).timeout,
  };
}

function storeOf(value: string | undefined): StoreKind | undefined {
  if (value === undefined || value === 'keychain' || value === 'file' || value === 'none') return value;
  throw new CredsetupError('USAGE', `CREDSETUP_STORE names a store that there is not.`, { hint: 'It takes keychain, file or none.' });
}

/** `--token-file` is `tokenFile` to the parser. */
function fieldOptions(service: Service, options: RawOptions): Readonly<Record<string, FieldOptions>> {
  const fields = [service.address.field, ...service.methods.flatMap((method) => method.fields)];
  return Object.fromEntries(fields.map((field) => [field.key, field.secret
    ? { file: text(options, camel(field.option)), stdin: field.stdinOption !== undefined && flag(options, camel(field.stdinOption)) }
    : { value: text(options, camel(field.option)) }]));
}

function camel(option: string): string {
  return option.replace(/^--/, '').replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
