/**
 * What a Mautic tells before any secret is typed. The order matters: with a lost Authorization
 * header the made-up Basic user would look as if basic auth were on, so the made-up Bearer token
 * is asked first. One probe of each kind.
 */
import type { HttpResponse } from '../../context.ts';
import { CredsetupError } from '../../errors.ts';
import { throwForStatus } from '../../http/status.ts';
import { get } from '../answer.ts';
import type { Api, ServerState } from '../api.ts';
import type { Method } from '../service.ts';
import { basic, lacksRoutes, mauticError, probeUser, routesMissing, selfPath } from './api.ts';
import { probe } from './probe.ts';
import { enableApi, enableBasicAuth } from './steps.ts';

/** The state's entry for the Authorization header: it reaches Mautic. */
const header = 'authorization-header';

/** Throws RATE_LIMITED, SERVER_ERROR, GATEWAY_IN_FRONT. What `before` knows is not asked again. */
export async function inspect(api: Api, method: Method | undefined, before: ServerState | undefined, proof?: HttpResponse): Promise<ServerState> {
  if (before?.done[enableApi.id] !== true) {
    const anonymous = proof ?? await get(api, selfPath);
    throwForStatus(anonymous);
    if (lacksRoutes(anonymous)) return { done: { [enableApi.id]: false }, warnings: [], says: ['its routes are not in its cache'], fault: routesMissing(api.base) };
    if (mauticError(anonymous)?.type === 'api_disabled') return { done: { [enableApi.id]: false }, warnings: [], says: ['the API is off'] };
  }
  if (before?.done[header] !== true) {
    const bearer = await probe(api, `Bearer ${probeUser}`);
    if (mauticError(bearer)?.type === 'access_denied') {
      return { done: { [enableApi.id]: true }, warnings: [], says: ['the API is on'], fault: headerDropped(api) };
    }
  }
  const done = { [enableApi.id]: true, [header]: true };
  // Who has chosen another method is not asked about this one.
  if (method !== undefined && !method.steps.includes(enableBasicAuth)) return { done, warnings: [], says: ['the API is on'] };
  const basicOn = before?.done[enableBasicAuth.id] ?? (await probe(api, basic(probeUser, probeUser))).status === 401;
  return {
    done: { ...done, [enableBasicAuth.id]: basicOn }, warnings: [],
    says: ['the API is on', `HTTP basic auth is ${basicOn ? 'on' : 'off'}`],
  };
}

/** A credential arrived at the web server and Mautic did not see it. */
export function headerDropped(api: Api): CredsetupError {
  return new CredsetupError('AUTHORIZATION_HEADER_DROPPED', `The web server in front of ${api.base} does not pass the Authorization header on to Mautic.`, {
    service: 'mautic', url: api.base,
    hint: 'No method can work until that is repaired. Ask the admin of the web server: Apache needs "CGIPassAuth On" (or a rewrite rule that sets HTTP_AUTHORIZATION); in nginx no proxy_set_header or fastcgi_param may drop Authorization.',
  });
}
