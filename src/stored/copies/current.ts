/** Whether a copy has the secret that is stored now. */
import type { Context } from '../../context.ts';
import type { Credential, Pushed } from '../../credential.ts';

/** n8n has proved the stored secret since it was written there. */
export function isCurrent({ issuedAt, createdAt }: Credential, { at, test }: Pushed): boolean {
  return at >= (issuedAt ?? createdAt) && test?.status === 'ok' && test.at >= at;
}

/** After a change here: each n8n still works with what was written there before. */
export function sayCopiesOlder({ name, pushed = [] }: Credential, { output }: Context): void {
  for (const { url } of pushed) output.warn(`  ${output.style.caution('!')} The copy in the n8n at ${url} is older. Bring it up to date: credsetup push n8n ${name} --replace`);
}
