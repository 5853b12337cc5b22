/** An attempt to sign in. */
import type { CredsetupError } from '../../errors.ts';
import type { AuthorizationRequest } from '../../oauth/authorization.ts';
import type { Callback } from '../../oauth/redirect-server.ts';

/** One authorization request and the wait for what comes back. */
export interface Attempt {
  readonly request: AuthorizationRequest;
  readonly came: Promise<Callback | CredsetupError>;
  readonly stop: AbortController;
}
