/** A service's token endpoint, as a token request needs it. */
import type { Connection, Context, HttpClient } from '../context.ts';
import type { TokenEndpoint } from '../oauth/tokens.ts';
import type { OAuth } from '../services/oauth-description.ts';
import type { Service } from '../services/service.ts';

/** What a token request needs to know of the service and the client. */
export function tokenEndpointOf(client: {
  readonly service: Service; readonly oauth: OAuth; readonly base: string; readonly clientId: string; readonly clientSecret: string;
  /** As TokenEndpoint has it. */
  readonly accepted?: boolean | undefined;
  readonly http: HttpClient; readonly connection: Connection; readonly context: Context;
}): TokenEndpoint {
  const { service, oauth, base, clientId, clientSecret, accepted, http, connection, context } = client;
  return {
    tokenEndpoint: oauth.tokenEndpoint(base), clientId, clientSecret, accepted, http, connection, service, repair: oauth.repair,
    protect: (secret) => { context.output.protect(secret); }, now: () => context.now(),
  };
}
