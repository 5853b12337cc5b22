/** API Credentials in Mautic's own pages: its API cannot make, find or delete a client. */
import { CredsetupError, isCredsetupError } from '../../../errors.ts';
import type { Api } from '../../api.ts';
import { listClients, type ListedClient } from './client-list.ts';
import { withValues, type PageDocument } from './document.ts';
import { checkSession } from './sign-in.ts';
import { checkShown, formRefused, pageDiffers, whose, type Page, type Visit } from './visit.ts';

export interface Client {
  /** N of `edit/N`, and of the Client ID. */
  readonly number: string;
  readonly name: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUris: readonly string[];
}

export interface NewClient {
  readonly name: string;
  /** None of them holds a comma. */
  readonly redirectUris: readonly string[];
}

const newPath = '/s/credentials/new';
/** Where one client is changed. */
export const editPath = (number: string): string => `/s/credentials/edit/${number}`;

/**
 * Makes a client. An answer that was lost is looked for by the name, which must be one that nobody
 * else has: a second POST would make a second client. Throws PERMISSION_DENIED, INPUT_INVALID (a redirect URI), RESPONSE_INVALID.
 */
export async function createClient(visit: Visit, wanted: NewClient, protect: (secret: string) => void): Promise<Client> {
  const { api } = visit;
  const page = await visit.get(newPath);
  checkSession(api, page);
  if (page.status === 403) throw notAllowed(api, 'make a client');
  checkShown(api, page);
  const form = (await page.document()).form('client');
  if (form === undefined) throw pageDiffers(api, page, 'form "client"');
  const values = { 'client[api_mode]': 'oauth2', 'client[name]': wanted.name, 'client[redirectUris]': wanted.redirectUris.join(',') };
  for (const name of [...Object.keys(values), 'client[_token]']) if (!form.names.has(name)) throw pageDiffers(api, page, `field ${name}`);
  let answer: Page;
  try {
    answer = await visit.submit(form, page, [...withValues(form.pairs(), values), ['client[buttons][apply]', '']]);
    checkSession(api, answer);
    if (answer.status === 200) return await shownClient(api, answer, protect);
  } catch (error) {
    // What went wrong may have happened after it was made; what Mautic found wrong in the form was before.
    const made = isCredsetupError(error) && error.code !== 'INPUT_INVALID' ? await lookUp(visit, wanted.name, protect, error) : undefined;
    if (made === undefined) throw error;
    return made;
  }
  // Recorded: who may create and not edit gets 403, and the client is there all the same.
  const [made] = await findClients(visit, wanted.name, protect);
  if (made !== undefined) return made;
  throw answer.status === 403 ? formRefused(api, answer) : pageDiffers(api, answer, 'Client ID and Client Secret');
}

async function lookUp(visit: Visit, name: string, protect: (secret: string) => void, before: CredsetupError): Promise<Client | undefined> {
  try {
    return (await findClients(visit, name, protect))[0];
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    throw before; // The first failure says more than the one of looking.
  }
}

/** The clients whose name holds a text. Throws PERMISSION_DENIED where the account may not see them. */
export async function findClients(visit: Visit, text: string, protect: (secret: string) => void): Promise<readonly Client[]> {
  const mark = /[0-9a-f]{12}/.exec(text)?.[0];
  // Of one mark the list's own search is asked first. What it does not give may be there all the same.
  const searched = mark === undefined ? [] : await fitting(visit, await search(visit, mark), text, protect);
  return searched.length > 0 ? searched : fitting(visit, await allClients(visit), text, protect);
}

const allClients = (visit: Visit, words = ''): Promise<readonly ListedClient[]> => listClients(visit, words, () => notAllowed(visit.api, 'see the clients'));

/** Nothing where the list fails at a search: all of it is looked through then. */
async function search(visit: Visit, words: string): Promise<readonly ListedClient[]> {
  try {
    return await allClients(visit, words);
  } catch (error) {
    if (isCredsetupError(error) && ['SERVER_ERROR', 'RESPONSE_INVALID'].includes(error.code)) return [];
    throw error;
  }
}

async function fitting(visit: Visit, listed: readonly ListedClient[], text: string, protect: (secret: string) => void): Promise<readonly Client[]> {
  for (const { clientSecret } of listed) protect(clientSecret ?? '');
  const fits = listed.filter((one) => one.text.includes(text));
  const looked = fits.length > 0 || await showsNames(visit, listed, protect) ? fits : listed;
  const found: Client[] = [];
  // Newest first: what a run just made.
  for (const one of [...looked].sort((a, b) => Number(b.number) - Number(a.number))) {
    const client = await readOrRow(visit, one, protect);
    if (client?.name.includes(text) === true) found.push(client);
  }
  return found;
}

/** Whether the rows have the names: a theme may show others. Asked of some clients' own forms. */
async function showsNames(visit: Visit, listed: readonly ListedClient[], protect: (secret: string) => void): Promise<boolean> {
  for (const one of listed.slice(0, 2)) {
    const client = await readOrRow(visit, one, protect);
    if (client !== undefined && !one.text.includes(client.name.replace(/\s+/g, ' ').trim())) return false;
  }
  return true;
}

/** By its own form; for who may not open that, by its row, whose words are the name and what stands beside it. */
async function readOrRow(visit: Visit, { number, text, clientId, clientSecret }: ListedClient, protect: (secret: string) => void): Promise<Client | undefined> {
  try {
    return await readClient(visit, number, protect);
  } catch (error) {
    if (!isCredsetupError(error) || error.code !== 'PERMISSION_DENIED' || clientId === undefined || clientSecret === undefined) throw error;
    return { number, name: text, clientId, clientSecret, redirectUris: [] };
  }
}

/** Whether this account may make clients; makes none. */
export async function mayCreateClients(visit: Visit): Promise<boolean> {
  const page = await visit.get(newPath);
  checkSession(visit.api, page);
  checkShown(visit.api, page);
  return page.status !== 403;
}

/** The form behind a client that is there: its values stand in it, disabled. */
async function shownClient(api: Api, page: Page, protect: (secret: string) => void): Promise<Client> {
  const document = await page.document();
  const form = document.form('client');
  const clientId = form?.valueOf('client_publicId');
  const clientSecret = form?.valueOf('client_secret');
  if (form === undefined || clientId === undefined || clientSecret === undefined) throw refusedClient(api, page, document);
  protect(clientSecret);
  const number = /^(\d{1,18})_[A-Za-z0-9]{1,200}$/.exec(clientId)?.[1];
  if (number === undefined || !/^[A-Za-z0-9]{1,200}$/.test(clientSecret)) throw pageDiffers(api, page, 'Client ID and Client Secret of the shape that Mautic gives them');
  const pairs = new Map(form.pairs());
  const uris = (pairs.get('client[redirectUris]') ?? '').split(',').map((uri) => uri.trim()).filter((uri) => uri !== '');
  return { number, name: pairs.get('client[name]') ?? '', clientId, clientSecret, redirectUris: uris };
}

function refusedClient(api: Api, page: Page, document: PageDocument): CredsetupError {
  const faults = document.form('client')?.faults ?? [];
  const first = faults[0];
  if (first === undefined) return pageDiffers(api, page, 'Client ID and Client Secret');
  const isUri = first.name === 'client[redirectUris]';
  return new CredsetupError('INPUT_INVALID', `Mautic did not take the ${isUri ? 'Redirect URI' : first.name === undefined ? 'form' : `field ${first.name}`} of the client; nothing was saved. It says: ${first.text}`, {
    ...whose(api), ...(isUri ? { field: 'redirect' } : {}), hint: isUri ? 'Give n8n\'s OAuth Callback URL as n8n shows it: http:// or https://, without a comma. (--n8n-callback-url)' : 'Run it again, or make the client in a browser.',
  });
}

/** undefined for one that is not there. Throws PERMISSION_DENIED. */
export async function readClient(visit: Visit, number: string, protect: (secret: string) => void): Promise<Client | undefined> {
  const page = await visit.get(editPath(number));
  checkSession(visit.api, page);
  if (page.status === 403) throw notAllowed(visit.api, 'see the client');
  return page.status === 200 ? shownClient(visit.api, page, protect) : undefined;
}

/** Deletes a client with all its tokens. One that is gone already is deleted. Throws PERMISSION_DENIED. */
export async function deleteClient(visit: Visit, number: string): Promise<void> {
  const { api } = visit;
  const answer = await visit.post(`/s/credentials/delete/${number}`, []);
  checkSession(api, answer);
  if (answer.status === 403) throw notAllowed(api, 'delete the client');
  // The answer is the same whether it was there or not: the form behind it tells.
  const after = await visit.get(editPath(number));
  checkSession(api, after);
  if (after.status < 300) throw new CredsetupError('RESPONSE_INVALID', `Mautic answered as if it deleted the client ${number}, and it is still there.`, { ...whose(api), hint: `Delete it at ${api.base}/s/credentials` });
}

/** Adds redirect URIs to a client; ID, secret and tokens stay. False when all were there. */
export async function addRedirectUris(visit: Visit, number: string, uris: readonly string[], protect: (secret: string) => void): Promise<boolean> {
  const { api } = visit;
  const page = await visit.get(editPath(number));
  checkSession(api, page);
  if (page.status === 403) throw notAllowed(api, 'change the client');
  const form = page.status === 200 ? (await page.document()).form('client') : undefined;
  if (form === undefined) throw new CredsetupError('NOT_FOUND', `Mautic has no client with the number ${number} any more.`, { ...whose(api), hint: `Its clients: ${api.base}/s/credentials` });
  const there = await shownClient(api, page, protect);
  const missing = uris.filter((uri) => !there.redirectUris.includes(uri));
  if (missing.length === 0) return false;
  const all = [...there.redirectUris, ...missing];
  const answer = await visit.submit(form, page, [...withValues(form.pairs(), { 'client[redirectUris]': all.join(',') }), ['client[buttons][apply]', '']]);
  checkSession(api, answer);
  if (answer.status === 403) throw formRefused(api, answer);
  const now = answer.status === 200 ? await shownClient(api, answer, protect) : undefined;
  if (now === undefined || now.clientId !== there.clientId || !all.every((uri) => now.redirectUris.includes(uri))) {
    throw new CredsetupError('RESPONSE_INVALID', 'Mautic did not keep the new Redirect URI of the client.', { ...whose(api), hint: `Add it by hand, behind a comma: ${api.base}${editPath(number)}` });
  }
  return true;
}

/** PERMISSION_DENIED, with what gives the right, and the command for somebody who may. */
export function notAllowed(api: Api, what: string): CredsetupError {
  return new CredsetupError('PERMISSION_DENIED', `This account may not ${what} in Mautic.`, {
    ...whose(api),
    hint: `Its role needs API Permissions > API Credentials (view, edit, create), or an admin makes an account for n8n: credsetup mautic --method oauth2 --url ${api.base} --create-user n8n --username ADMIN --password-file FILE`,
  });
}
