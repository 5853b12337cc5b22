/** The one way to a validation: what a secret says of itself in the open is no secret when the record repeats it. */
import type { Output } from '../context.ts';
import type { Api } from '../services/api.ts';
import type { Method, Presented, Validation } from '../services/service.ts';
import type { ServerState } from '../services/api.ts';

/** Throws what the method's validation throws. */
export async function validated(method: Method, api: Api, presented: Presented, output: Pick<Output, 'publish'>, state?: ServerState): Promise<Validation> {
  const validation = await method.validate(api, presented, state);
  for (const part of validation.publicParts ?? []) output.publish(part);
  return validation;
}
