/** The end of a set-up: validate, save. */
import { createHash, randomUUID } from 'node:crypto';
import type { Credential, FullCredential, PublicFields } from '../credential.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import { cleanAccount } from '../kept-texts.ts';
import type { Presented, Validation } from '../services/service.ts';
import { validatedClient } from '../server/client-alone.ts';
import { apiOf } from '../server/connection.ts';
import { validated } from '../server/validation.ts';
import { grantOf } from './oauth2/client.ts';
import { onlyN8nSignsIn } from './oauth2/who-signs-in.ts';
import type { Outcome, ReadyDraft, ValidatedDraft } from './draft.ts';
import { revalidated } from '../stored/revalidated.ts';
import { idleEnd, tokenSecrets } from '../stored/token-values.ts';
import { printWarnings } from '../warning-text.ts';
import { mayReplace } from './naming.ts';

export async function validateStage(draft: ReadyDraft): Promise<Outcome> {
  await validate(draft);
  return 'through';
}

/** Asks the live server. Throws what it refused, and PERMISSION_DENIED for a missing `--require`. */
export async function validate(draft: ReadyDraft): Promise<ValidatedDraft> {
  const validation = await ask(draft);
  const done = Object.assign(draft, { validation: { ...validation, account: cleanAccount(validation.account, draft.context.output) } });
  const { output } = draft.context;
  if (onlyN8nSignsIn(draft)) output.say(`  ${output.style.good('✔')} Only n8n signs in with this client, so no account was asked about here.`);
  else sayValidation(done);
  const missing = draft.options.require.filter((name) => done.validation.capabilities[name] !== true);
  if (missing.length > 0) throw requirementMissing(done, missing);
  printWarnings(recordOf(done).warnings, (draft.options.existing?.credential ?? draft.options.inPlaceOf)?.warnings ?? [], output);
  return done;
}

/** What was refused is remembered. */
async function ask(draft: ReadyDraft): Promise<Validation> {
  const { service, context, method } = draft;
  const api = apiOf(draft.base, draft.http, draft.connection);
  const presented = presentedOf(draft);
  const together = JSON.stringify(presented);
  if (draft.refused.has(together)) throw refusedBefore(draft);
  const task = () => onlyN8nSignsIn(draft)
    ? validatedClient(presented, { service, method, base: draft.base, http: draft.http, connection: draft.connection, context, check: draft.clientCheck })
    : validated(method, api, presented, context.output, draft.state);
  try {
    return await (draft.terminal?.busy(`validating with ${service.title}`, task) ?? task());
  } catch (error) {
    if (isCredsetupError(error) && error.exitCode === 7) draft.refused.add(together);
    throw error;
  }
}

function refusedBefore({ method }: ReadyDraft): CredsetupError {
  const field = method.fields.find((one) => one.secret);
  return new CredsetupError('INPUT_INVALID', 'This was refused a moment ago; it is not sent a second time, so that the account is not locked.', {
    field: field?.key, hint: 'Give another value, or go back with Esc.',
  });
}

function sayValidation({ context: { output }, service, validation: { account, version, capabilities } }: ValidatedDraft): void {
  const tick = output.style.good('✔');
  const kind = [account.bot === true ? 'bot' : undefined, account.admin === true ? 'admin' : undefined].filter((word) => word !== undefined);
  const who = [account.username, account.name].filter((word) => word !== undefined).join(', ');
  output.say(`  ${tick} ${who === '' ? `${service.title} accepts it` : `Signed in as ${output.style.bold(who)}`}${kind.length === 0 ? '' : ` (${kind.join(', ')})`}${version === undefined ? '' : `, ${service.title} ${version}`}`);
  const can = Object.entries(capabilities).map(([name, may]) => `${may ? tick : output.style.bad('✖')} ${name}`);
  if (can.length > 0) output.say(`  ${can.join('  ')}`);
}

function requirementMissing(draft: ValidatedDraft, missing: readonly string[]): CredsetupError {
  const needs = missing.map((name) => `${name} (${draft.service.capabilityUse[name] ?? name})`).join('; ');
  return new CredsetupError('PERMISSION_DENIED', `The account may not: ${needs}.`, {
    service: draft.service.id, url: draft.base,
    hint: 'Ask an admin to give the account the right, or take the word out of --require. Nothing was saved.',
  });
}

/** Saves under the name, or only tells with the store `none`. The validated values stay in hand when saving fails. */
export async function saveStage(draft: ValidatedDraft): Promise<Outcome> {
  const full = credentialOf(draft);
  if (draft.store === 'none') {
    draft.saved = { status: 'validated', full };
    return 'through';
  }
  const { status, credential } = await draft.vault.save(full, (there) => mayReplace(draft, there));
  draft.saved = { status, full: { ...full, credential } };
  return 'through';
}

/** The draft as it is saved and exported. */
export function credentialOf(draft: ValidatedDraft): FullCredential {
  return { credential: recordOf(draft), secrets: presentedOf(draft).secrets, certificates: draft.connection.certificates };
}

/** What is shown to the server: what was typed, what a sign-in gave, what was made. */
function presentedOf(draft: ReadyDraft): Presented {
  const { method, values, tokens, made, redirect } = draft;
  const typed = (secret: boolean): Readonly<Record<string, string>> => Object.fromEntries(
    method.fields.filter((field) => field.secret === secret).flatMap(({ key }) => {
      const value = values.get(key);
      return value === undefined ? [] : [[key, value]];
    }));
  return {
    fields: { ...typed(false), ...madeFields(draft), ...(method.oauth === undefined || redirect?.server === undefined ? {} : {
      redirectUri: redirect.server.redirectUri,
    }), ...(made === undefined ? {} : { tokenId: made.id }) },
    secrets: { ...typed(true), ...made?.secrets, ...(method.oauth === undefined || tokens === undefined ? {} : tokenSecrets(tokens)) },
  };
}

/** Where only n8n signs in, the Redirect URI is n8n's and none of ours. */
function madeFields(draft: ReadyDraft): PublicFields {
  const { redirectUri, ...fields } = draft.made?.fields ?? {};
  return redirectUri === undefined || onlyN8nSignsIn(draft) ? fields : { ...fields, redirectUri };
}

/** The validated record, under the name that is known by now. */
function recordOf(draft: ValidatedDraft): Credential {
  const { service, context, connection, made, validation, method, base, store } = draft;
  const now = context.now();
  const { account } = validation;
  const begun: Credential = {
    id: store === 'none' ? computedId(service.id, base, method.id, account.id ?? account.username ?? '') : randomUUID(),
    name: draft.name, service: service.id, method: method.id, ...(method.oauth === undefined ? {} : { grant: grantOf(draft) }),
    ...(onlyN8nSignsIn(draft) ? { signIn: 'n8n' as const } : {}), url: base,
    account, server: {}, fields: presentedOf(draft).fields, store, createdAt: now.toISOString(), validatedAt: now.toISOString(),
    ...(made === undefined ? {} : { issuedAt: now.toISOString() }),
    ...(made?.expiresAt === undefined ? {} : { expiresAt: made.expiresAt }),
    ...registeredAt(draft),
    // A refresh token's end is an estimate.
    ...(method.oauth === undefined || draft.tokens?.refreshToken === undefined ? {} : { expiresAt: idleEnd(method.oauth, now) }),
    ignoreSslIssues: connection.ignoreSslIssues, allowHttp: connection.allowHttp, caCertificates: connection.certificates.length,
    warnings: [...draft.warnings.values()],
  };
  return revalidated(begun, { service, method, url: base, connection, validation, now, inspected: draft.state });
}

/** Of a client that was made here, or that a set-up anew leaves as it is. */
function registeredAt(draft: ValidatedDraft): Pick<Credential, 'redirectUris'> {
  const { made, redirect, options: { existing } } = draft;
  if (made !== undefined) return redirect === undefined ? {} : { redirectUris: redirect.registered.split(',') };
  const there = existing?.credential;
  return there?.redirectUris === undefined || there.fields.clientId !== presentedOf(draft).fields.clientId ? {} : { redirectUris: there.redirectUris };
}

/** Nothing is kept, and yet n8n must see the same credential at every run: a UUID made of what it is. */
function computedId(...parts: readonly string[]): string {
  const hex = createHash('sha256').update(parts.join('\n')).digest('hex');
  // RFC 9562 §5.8: version 8, vendor-specific.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
