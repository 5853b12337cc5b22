/** The end of a set-up: validate, save. */
import { createHash, randomUUID } from 'node:crypto';
import type { Credential, FullCredential, Warning } from '../credential.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import type { Service, Validation } from '../services/service.ts';
import { apiOf, connectionWarnings } from '../server/connection.ts';
import { grantOf } from './oauth2/client.ts';
import { known, type Draft, type Outcome } from './draft.ts';
import { idleEnd } from '../stored/token-values.ts';
import { mayReplace } from './naming.ts';

/** Asks the live server. Throws what it refused, and PERMISSION_DENIED for a missing `--require`. */
export async function validateStage(draft: Draft): Promise<Outcome> {
  const { service, context } = draft;
  const method = known(draft.method, 'method');
  const api = apiOf(known(draft.base, 'address'), draft.http, draft.connection);
  // What a sign-in gave is there beside what was typed.
  const values = Object.fromEntries(draft.values);
  const together = JSON.stringify(values);
  if (draft.refused.has(together)) throw refusedBefore(draft);
  const ask = () => method.validate(api, values, known(draft.state, 'state'));
  try {
    draft.validation = await (draft.terminal?.busy(`validating with ${service.title}`, ask) ?? ask());
  } catch (error) {
    if (isCredsetupError(error) && error.exitCode === 7) draft.refused.add(together);
    throw error;
  }
  sayValidation(draft, draft.validation);
  const missing = draft.options.require.filter((name) => draft.validation?.capabilities[name] !== true);
  if (missing.length > 0) throw requirementMissing(draft, missing);
  for (const { code, message } of warningsOf(draft)) context.output.warn(`  ${context.output.style.caution('!')} ${message} (${code})`);
  return 'through';
}

function refusedBefore(draft: Draft): CredsetupError {
  const field = known(draft.method, 'method').fields.find((one) => one.secret);
  return new CredsetupError('INPUT_INVALID', 'This was refused a moment ago; it is not sent a second time, so that the account is not locked.', {
    field: field?.key, hint: 'Give another value, or go back with Esc.',
  });
}

function sayValidation({ context: { output }, service }: Draft, { account, version, capabilities }: Validation): void {
  const tick = output.style.good('✔');
  const kind = [account.bot === true ? 'bot' : undefined, account.admin === true ? 'admin' : undefined].filter((word) => word !== undefined);
  const who = [account.username, account.name].filter((word) => word !== undefined).join(', ');
  output.say(`  ${tick} Signed in as ${output.style.bold(who)}${kind.length === 0 ? '' : ` (${kind.join(', ')})`}${version === undefined ? '' : `, ${service.title} ${version}`}`);
  const can = Object.entries(capabilities).map(([name, may]) => `${may ? tick : output.style.bad('✖')} ${name}`);
  if (can.length > 0) output.say(`  ${can.join('  ')}`);
}

function requirementMissing(draft: Draft, missing: readonly string[]): CredsetupError {
  const needs = missing.map((name) => `${name} (${draft.service.capabilityUse[name] ?? name})`).join('; ');
  return new CredsetupError('PERMISSION_DENIED', `The account may not: ${needs}.`, {
    service: draft.service.id, url: draft.base,
    hint: 'Ask an admin to give the account the right, or take the word out of --require. Nothing was saved.',
  });
}

/** Everything that who uses the credential should know, once. */
function warningsOf(draft: Draft): readonly Warning[] {
  const validation = known(draft.validation, 'validation');
  return [
    ...known(draft.state, 'state').warnings,
    ...draft.warnings.values(),
    ...connectionWarnings(known(draft.base, 'address'), draft.connection, known(draft.method, 'method')),
    ...validation.warnings,
    ...capabilityWarnings(draft.service, validation.capabilities),
  ];
}

/** One warning for each right that a node of n8n needs and the account lacks. */
export function capabilityWarnings(service: Service, capabilities: Readonly<Record<string, boolean>>): readonly Warning[] {
  return Object.entries(capabilities).filter(([, may]) => !may).map(([name]) => ({
    code: 'CAPABILITY_MISSING', message: `${name}: not for this account; ${service.capabilityUse[name] ?? 'n8n may need it'}.`,
  }));
}

/** Saves under the name, or only tells with the store `none`. The validated values stay in hand when saving fails. */
export async function saveStage(draft: Draft): Promise<Outcome> {
  const full = credentialOf(draft);
  if (draft.store === 'none') {
    draft.saved = { status: 'validated', credential: full.credential };
    return 'through';
  }
  draft.saved = await draft.vault.save(full, (there) => mayReplace(draft, there));
  return 'through';
}

/** The draft as it is saved and exported. */
export function credentialOf(draft: Draft): FullCredential {
  const validation = known(draft.validation, 'validation');
  const version = validation.version ?? draft.state?.version;
  const now = draft.context.now().toISOString();
  const base = known(draft.base, 'address');
  const method = known(draft.method, 'method').id;
  const store = known(draft.store, 'store');
  const credential: Credential = {
    id: store === 'none' ? computedId(draft.service.id, base, method, validation.account.id ?? validation.account.username ?? '') : randomUUID(),
    name: known(draft.name, 'name'),
    service: draft.service.id, method, ...(draft.method?.oauth === undefined ? {} : { grant: grantOf(draft) }), url: base,
    account: validation.account, server: version === undefined ? {} : { version },
    fields: validation.fields, store, createdAt: now, validatedAt: now,
    ...expiry(draft),
    ignoreSslIssues: draft.connection.ignoreSslIssues, allowHttp: draft.connection.allowHttp,
    caCertificates: draft.connection.certificates.length,
    capabilities: validation.capabilities,
    warnings: warningsOf(draft),
  };
  return { credential, secrets: validation.secrets, certificates: draft.connection.certificates };
}

/** When a person has to act: what the server told, or for a refresh token an estimate. */
function expiry(draft: Draft): { readonly expiresAt?: string } {
  const { expiresAt, secrets } = known(draft.validation, 'validation');
  if (expiresAt !== undefined) return { expiresAt };
  const oauth = draft.method?.oauth;
  return oauth === undefined || secrets['refreshToken'] === undefined ? {} : { expiresAt: idleEnd(oauth, draft.context.now()) };
}

/** Nothing is kept, and yet n8n must see the same credential at every run: a UUID made of what it is. */
function computedId(...parts: readonly string[]): string {
  const hex = createHash('sha256').update(parts.join('\n')).digest('hex');
  // RFC 9562 §5.8: version 8, vendor-specific.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
