/**
 * The list of API Credentials as its pages show it: 7 gives 30 clients a page, or as many as it is asked
 * for, 5 all of them on every page. What was searched for stays in the session, so each look says it anew.
 */
import { checkSession } from './sign-in.ts';
import { ownPath, pageDiffers, type Page, type Visit } from './visit.ts';

/** A client as its row has it. ID and secret stand there for everybody who may see the list, changed or not. */
export interface ListedClient {
  /** N of `edit/N`. */
  readonly number: string;
  /** Every word of the row: the name, unless a theme left that out. */
  readonly text: string;
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
}

const path = '/s/credentials';
/** A page of the list for each hundred: more than a Mautic ever had. */
const mostPages = 100;

/** Every client, or those that a search gives, where the list searches. Throws PERMISSION_DENIED by `notAllowed`, RESPONSE_INVALID. */
export async function listClients(visit: Visit, search: string, notAllowed: () => Error): Promise<readonly ListedClient[]> {
  const found = new Map<string, ListedClient>();
  for (let at = 1; at <= mostPages; at += 1) {
    const page = await visit.get(at === 1 ? `${path}?search=${encodeURIComponent(search)}&limit=100` : `${path}/${at}`);
    checkSession(visit.api, page);
    if (page.status === 403) throw notAllowed();
    // 7: past the end a redirect.
    if (page.status !== 200 && at > 1) return [...found.values()];
    if (page.status !== 200) throw pageDiffers(visit.api, page, 'list of clients');
    const before = found.size;
    for (const one of await rowsOf(visit, page)) found.set(one.number, one);
    // 5: the same again.
    if (found.size === before) return [...found.values()];
  }
  throw pageDiffers(visit.api, { method: 'GET', status: 200, path }, 'end');
}

const editLink = /^\/s\/credentials\/edit\/(\d{1,18})(?:\?|$)/;

async function rowsOf({ api }: Visit, page: Page): Promise<readonly ListedClient[]> {
  const rows = (await page.document()).rows(({ name, attribs }) => name === 'a' && attribs['href']?.includes('/credentials/edit/') === true);
  return rows.flatMap(({ attribs, text, values }) => {
    const number = editLink.exec(ownPath(api, attribs['href'] ?? '', path) ?? '')?.[1];
    if (number === undefined) return [];
    const clientId = values.find((value) => value.startsWith(`${number}_`) && /^\d{1,18}_[A-Za-z0-9]{1,200}$/.test(value));
    const secrets = values.filter((value) => value !== clientId && /^[A-Za-z0-9]{40,200}$/.test(value));
    return [{ number, text, clientId, clientSecret: secrets.length === 1 ? secrets[0] : undefined }];
  });
}
