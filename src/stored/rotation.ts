/**
 * A new secret in place of a stored one: made, validated, saved, and only then the old one ended.
 * Killed between any two requests, the stored secret still authenticates, and the journal lets
 * the next run end what is left. The server's own exchange ends the old one at once, so it is
 * used only where a second secret is not possible, after saying so.
 */
import type { Context, Vault } from '../context.ts';
import type { FullCredential } from '../credential.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import type { Listed, Made, Owner } from '../services/provisioning.ts';
import type { Field } from '../services/field.ts';
import { revalidated } from './revalidated.ts';
import { marked, newMark, sweepLeftBehind } from './left-behind.ts';
import { withStoredSession, type StoredOptions, type StoredSession } from './session.ts';

export interface RotateOptions extends StoredOptions {
  /** Asks, or has the option that says yes. Throws CANCELLED, INPUT_MISSING. */
  readonly confirm: (message: string, word: string) => Promise<void>;
}

interface Rotation extends StoredSession {
  readonly full: FullCredential;
  readonly options: RotateOptions;
  readonly context: Context;
  readonly vault: Vault;
  readonly tokenId: string;
  readonly owner: Owner;
  readonly expiresAt: Date | undefined;
}

const defaultDescription = 'n8n integration';

/** Rotates one stored secret. The credential as it is saved then; `ended` is false when the old one is still there. */
export async function rotate(full: FullCredential, options: RotateOptions, context: Context): Promise<{ readonly full: FullCredential; readonly ended: boolean }> {
  const vault = await context.vault();
  const journal = await context.journal();
  await vault.prepare(full.credential.store);
  return withStoredSession(full, options, context, (stored) => journal.alone(async () => {
    const { provisioning, api, session } = stored;
    const tokenId = tokenIdOf(full, options);
    await checkUnchanged(full, vault);
    await sweepLeftBehind({ provisioning, api, session, service: stored.service.id, url: full.credential.url, context });
    const { id = session.account.id, username = session.account.username, bot = false } = full.credential.account;
    const owner = { id, username, bot, created: false };
    checkTokenId(await provisioning.list(api, session, owner.id), tokenId, full);
    context.signal.throwIfAborted();
    return await secondOne({ ...stored, full, options, context, vault, tokenId, owner, expiresAt: provisioning.expiryOf(said(options, provisioning.expiryField), full.credential.server.version, context.now()) });
  }));
}

/** What the command line says of the new secret. */
function said({ fields }: StoredOptions, { key }: Field): string | undefined {
  return fields[key]?.value;
}

/** Ours is known; of a pasted one the person says it. Throws INPUT_MISSING, USAGE. Never a guess. */
export function tokenIdOf({ credential: { name, fields } }: FullCredential, { tokenId }: Pick<StoredOptions, 'tokenId'>): string {
  if (fields.tokenId !== undefined && tokenId !== undefined && tokenId !== fields.tokenId) {
    throw new CredsetupError('USAGE', `${name} has another Token ID than --token-id names.`, { name, hint: 'Leave --token-id out: credsetup made this token and knows its ID.' });
  }
  const known = fields.tokenId ?? tokenId;
  if (known !== undefined) return known;
  throw new CredsetupError('INPUT_MISSING', `The token of ${name} was pasted, so its Token ID is not known.`, {
    name, missing: [{ field: 'tokenId', option: '--token-id', variable: '' }],
    hint: 'Profile > Security > Personal Access Tokens shows it beside the description. Give it with --token-id ID.',
  });
}

/** Who waited for the lock must not rotate what another run has rotated meanwhile. Throws STORE_BUSY. */
async function checkUnchanged(full: FullCredential, vault: Vault): Promise<void> {
  const { name } = full.credential;
  const there = await vault.load(name);
  if (JSON.stringify(there.secrets) === JSON.stringify(full.secrets)) return;
  throw new CredsetupError('STORE_BUSY', `Another credsetup gave ${name} a new secret meanwhile; nothing was changed.`, { name, hint: 'Look at it with credsetup show, and run this again if you want yet another one.' });
}

function checkTokenId(listed: readonly Listed[] | undefined, tokenId: string, { credential: { name } }: FullCredential): void {
  if (listed === undefined || listed.some(({ id }) => id === tokenId)) return;
  throw new CredsetupError('INPUT_INVALID', `The account of ${name} has no token with this Token ID.`, {
    name, field: 'tokenId', hint: 'Profile > Security > Personal Access Tokens lists the Token IDs. It may be the Access Token that you gave.',
  });
}

async function secondOne(rotation: Rotation): Promise<{ readonly full: FullCredential; readonly ended: boolean }> {
  const { provisioning, api, session, owner, options, context, full, tokenId } = rotation;
  const journal = await context.journal();
  const mark = newMark();
  await journal.add({ mark, service: rotation.service.id, url: full.credential.url, ownerId: owner.id, old: tokenId, at: context.now().toISOString() });
  const request = { description: marked(said(options, provisioning.descriptionField) ?? defaultDescription, mark), expiresAt: rotation.expiresAt };
  let made: Made | undefined;
  let saved: FullCredential;
  try {
    made = await provisioning.make(api, session, owner, request, (secret) => { context.output.protect(secret); });
    context.signal.throwIfAborted();
    saved = await keep(rotation, made);
  } catch (error) {
    if (made === undefined && isNo(error)) {
      await journal.remove(mark);
      return await exchanged(rotation, error);
    }
    throw await endNew(rotation, mark, made, error);
  }
  return { full: saved, ended: await endOld(rotation, mark) };
}

/** The server says that this account makes no second one. */
function isNo(error: unknown): error is CredsetupError {
  return isCredsetupError(error) && ['PERMISSION_DENIED', 'TOKENS_DISABLED'].includes(error.code);
}

/** Validates and saves under the same name, if nobody replaced it meanwhile. */
async function keep({ service, method, api, connection, full, vault, context }: Rotation, made: Made): Promise<FullCredential> {
  // The end of the secret before is not the new one's.
  const { expiresAt, ...there } = full.credential;
  const fields = { ...there.fields, tokenId: made.id };
  const validation = await method.validate(api, { fields, secrets: made.secrets });
  const credential = revalidated({ ...there, fields, ...(made.expiresAt === undefined ? {} : { expiresAt: made.expiresAt }) }, {
    service, method, url: there.url, connection, validation, now: context.now(),
  });
  const next = { ...full, secrets: made.secrets, credential };
  const saved = await vault.save(next, (one) => one.id === full.credential.id);
  return { ...next, credential: saved.credential };
}

/** The new one is saved: what fails now leaves the old one, which the next run ends. */
async function endOld({ provisioning, api, session, tokenId, context }: Rotation, mark: string): Promise<boolean> {
  try {
    await provisioning.revoke(api, session, tokenId);
    await (await context.journal()).remove(mark);
    return true;
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    context.output.warn(`  ${context.output.style.caution('!')} The new token is saved; the old one could not be ended (Token ID ${tokenId}): ${error.message} The next run tries again.`);
    return false;
  }
}

/** Nothing was saved: the new one ends, by its mark where the answer with its ID was lost. */
async function endNew({ provisioning, api, session, owner, context }: Rotation, mark: string, made: Made | undefined, error: unknown): Promise<unknown> {
  try {
    const listed = made === undefined ? await provisioning.list(api, session, owner.id) ?? [] : [made];
    for (const { id } of listed.filter(({ description }) => description.includes(`[credsetup ${mark}]`))) await provisioning.revoke(api, session, id);
    await (await context.journal()).remove(mark);
    return error;
  } catch (failure) {
    if (!isCredsetupError(failure) || !isCredsetupError(error)) return error;
    return error.withHint(`${error.hint} The stored token stays in use. A new token is left at the server${made === undefined ? '' : ` (Token ID ${made.id})`}; the next run ends it.`);
  }
}

/** Where a second one is refused: the old one ends in the same moment, which is said before. */
async function exchanged(rotation: Rotation, refusal: CredsetupError): Promise<{ readonly full: FullCredential; readonly ended: boolean }> {
  const { provisioning, api, session, full, options, context, tokenId, expiresAt } = rotation;
  const exchange = provisioning.exchange(full.credential.server.version);
  if (exchange === undefined) {
    throw refusal.withHint(`${refusal.hint} Or sign in for it: --username NAME with --password-file FILE, or --admin-token-file FILE.`);
  }
  context.output.warn(`  ${context.output.style.caution('!')} A second token is not possible here (${refusal.code}). The server can exchange the secret instead: the old one then ends at once, and n8n stops until it has the new one.`);
  await options.confirm('Exchange it? Type the word', 'exchange');
  let made: Made;
  try {
    made = await exchange(api, session, tokenId, expiresAt, (secret) => { context.output.protect(secret); });
  } catch (error) {
    throw await afterLost(rotation, error);
  }
  try {
    return { full: await keep(rotation, made), ended: true };
  } catch (error) {
    throw isCredsetupError(error) ? lost(full, error) : error;
  }
}

/** Whether the old secret still works tells whether the exchange happened. */
async function afterLost({ method, api, full }: Rotation, error: unknown): Promise<unknown> {
  if (!isCredsetupError(error)) return error;
  try {
    await method.validate(api, { fields: full.credential.fields, secrets: full.secrets });
    return error.withHint(`${error.hint} The stored token still works; nothing was changed.`);
  } catch (failure) {
    return isCredsetupError(failure) && failure.code === 'TOKEN_REJECTED' ? lost(full, error) : error;
  }
}

function lost({ credential: { name } }: FullCredential, error: CredsetupError): CredsetupError {
  return new CredsetupError(error.code, `${error.message} The old token of ${name} has ended, and the new one was lost on the way.`, {
    ...error.details, name, hint: `${error.hint} Make a new one: credsetup mattermost --create-token --name ${name} --replace`,
  });
}
