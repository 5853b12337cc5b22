/** A credential with which only n8n signs in: what can be asked from here is whether the service accepts its client. */
import type { Connection, Context, HttpClient } from '../context.ts';
import { createClientCheck, type ClientCheck } from '../oauth/client-check.ts';
import { presentedValue } from '../services/answer.ts';
import type { Method, Presented, Service, Validation } from '../services/service.ts';
import { tokenEndpointOf } from './token-endpoint.ts';

/** What is known of an account that nobody signed in as here. */
export const nobodySignedIn: Validation = { account: {}, capabilities: {}, warnings: [] };

/** A made-up code is answered alike wherever it should lead: the client is looked at before the address. */
export const anyRedirectUri = 'http://127.0.0.1/callback';

/** Throws CLIENT_REJECTED, and what a token request throws. */
export async function validatedClient({ fields, secrets, stored }: Presented, at: {
  readonly service: Service; readonly method: Method; readonly base: string;
  readonly http: HttpClient; readonly connection: Connection; readonly context: Context;
  /** Of a run that has asked before: nothing is sent twice. */
  readonly check?: ClientCheck | undefined;
}): Promise<Validation> {
  const { oauth } = at.method;
  if (oauth === undefined) throw new Error(`${at.method.id} has no client`);
  const client = { clientId: presentedValue({ ...fields }, 'clientId'), clientSecret: presentedValue(secrets, 'clientSecret') };
  await (at.check ?? createClientCheck())(tokenEndpointOf({ ...at, ...client, oauth, accepted: stored !== undefined }), anyRedirectUri);
  return nobodySignedIn;
}
