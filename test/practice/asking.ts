/** Starts servers that end with the test, and asks them. */
import { afterEach } from 'vitest';
import { startGateway, type GatewayKind, type GatewayOptions } from '../../src/practice/gateways.ts';
import { startMattermost, type MattermostOptions, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { startMautic, type MauticOptions, type PracticeMautic } from '../../src/practice/mautic.ts';
import type { PracticeServer } from '../../src/practice/server.ts';

const open: PracticeServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});
/** Ends the server after the test. */
export function kept<T extends PracticeServer>(server: T): T {
  open.push(server);
  return server;
}
export const mattermost = async (options?: MattermostOptions): Promise<PracticeMattermost> => kept(await startMattermost(options));
export const mautic = async (options?: MauticOptions): Promise<PracticeMautic> => kept(await startMautic(options));
export const gateway = async (kind: GatewayKind, options?: GatewayOptions): Promise<PracticeServer> => kept(await startGateway(kind, options));

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The members of the JSON; throws when it is none. */
  readonly body: Record<string, unknown>;
}

export async function send(url: string, init: RequestInit = {}): Promise<Told> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, get body() { return JSON.parse(text) as Record<string, unknown>; } };
}
export const get = async (url: string, authorization?: string): Promise<Told> => send(url, { headers: authorization === undefined ? {} : { authorization } });
export const post = async (url: string, body: unknown, authorization?: string): Promise<Told> =>
  send(url, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) } });
export const basic = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
