/** `credsetup SERVICE`: sets up one new credential, and hands it over. */
import type { Context } from '../context.ts';
import type { FullCredential, StoreKind } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import { findService } from '../services/registry.ts';
import type { Service } from '../services/service.ts';
import { sayCopiesOlder } from '../stored/copies/current.ts';
import { expiryWarnings } from '../stored/expiry.ts';
import type { SetupOptions } from '../wizard/draft.ts';
import { handOver } from '../wizard/into-n8n.ts';
import { setUp } from '../wizard/set-up.ts';
import type { SetUpSpec } from './catalog.ts';
import { networkOptions, type CallOf, type Run } from './command.ts';
import { allowExport, exportTarget, writeExport, type ExportTarget } from './export-target.ts';
import { putIntoN8n } from './put-into-n8n.ts';
import { sayWhere, storeTitles } from './where-kept.ts';

type SetUpCall = CallOf<SetUpSpec>;

/** The run of one service's set-up command. */
export function setUpCommand(id: string): Run<SetUpSpec> {
  return async (call, context) => {
    const service = findService(id);
    const target = targetOf(call);
    if (target !== undefined) await allowExport(target, call.yes, context);
    const deliver = async (one: FullCredential): Promise<void> => { if (target !== undefined) await writeExport([one], target, call.json, context); };
    const options = { ...setupOptions(service, call, context), fromMenu: call.fromMenu, ...(target === undefined ? {} : { deliver }) };
    const { status, full, delivered } = await setUp(options, context);
    const { output } = context;
    const ending = expiryWarnings(full.credential, context.now());
    const credential = { ...full.credential, warnings: [...full.credential.warnings, ...ending] };
    for (const { code, message } of ending) output.warn(`  ${output.style.caution('!')} ${message} (${code})`);
    if (status === 'validated') output.say(`${output.style.good('✔')} Validated. Nothing was kept (--store none).`);
    else output.say(`${output.style.good('✔')} Saved as ${output.style.bold(credential.name)} in ${storeTitles[credential.store]}${status === 'replaced' ? ', in place of the one before' : ''}.`);
    if (credential.store === 'vault') await sayWhere(full, context);
    if (status === 'replaced') sayCopiesOlder(credential, context);
    if (target !== undefined) await (delivered ? undefined : deliver(full));
    else if (call.json) output.json(credential);
    else if (service.address.isN8n === true) output.say(`  Put a credential there with: credsetup push ${credential.name} NAME`);
    else if (context.interactive) await handOver(full, service, context, (name, to) => putIntoN8n(name, to, call, context));
    else if (credential.signIn !== undefined && credential.store !== 'none') output.say(`  Put it into n8n, and press Connect there: credsetup push n8n ${credential.name}`);
    return 0;
  };
}

/** Throws USAGE for what belongs to an export that was not asked for. */
function targetOf({ options, json }: SetUpCall): ExportTarget | undefined {
  if (options.export !== undefined) return exportTarget(options, options.export, json);
  if (options.output === undefined && !options.overwrite && options.prefix === undefined && !options.githubMask) return undefined;
  throw new CredsetupError('USAGE', '--output, --overwrite, --prefix and --github-mask go with --export.', { hint: 'Add --export json, or another format.' });
}

function setupOptions(service: Service, { options, fields }: SetUpCall, { env }: Context): SetupOptions {
  const { method, name, replace, require, create, repair, caFile, ignoreSslIssues, allowHttp } = options;
  const { grant, signIn, callbackPort, n8nCallbackUrl, browser, loginTimeout } = options;
  return {
    service, method, name, replace, require, create, repair, fields, ignoreSslIssues, allowHttp,
    caFiles: caFile, store: options.store ?? storeOf(env['CREDSETUP_STORE']), signIn: { grant, by: signIn, callbackPort, n8nCallbackUrl, browser, loginTimeout },
    proxy: options.proxy, timeout: networkOptions(options).timeout,
  };
}

function storeOf(value = ''): StoreKind | undefined {
  if (value === '') return undefined;
  if (value === 'keychain' || value === 'file' || value === 'vault' || value === 'none') return value;
  throw new CredsetupError('USAGE', 'CREDSETUP_STORE names a store that there is not.', { hint: 'It takes keychain, file, vault or none.' });
}
