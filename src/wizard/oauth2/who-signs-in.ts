/** Who needs the sign-in: n8n alone, which signs in for itself by Connect, or this computer too. */
import type { Answer, Terminal } from '../../context.ts';
import { CredsetupError } from '../../errors.ts';
import type { Draft, SetupOptions, SignInBy } from '../draft.ts';

/** Whether only the client is made and checked here. */
export function onlyN8nSignsIn({ options: { signIn, existing, inPlaceOf }, signInBy }: Pick<Draft, 'options' | 'signInBy'>): boolean {
  return (signInBy ?? signIn.by ?? (existing?.credential ?? inPlaceOf)?.signIn) === 'n8n';
}

/** Options that are about a sign-in on this computer. */
function ofSignInHere({ signIn: { callbackPort, browser, loginTimeout } }: SetupOptions): readonly string[] {
  return ([['--callback-port', callbackPort !== undefined], ['--no-browser', !browser], ['--login-timeout', loginTimeout !== undefined]] as const)
    .flatMap(([option, given]) => (given ? [option] : []));
}

/** Throws USAGE for what goes with a sign-in here, where nobody signs in here. */
export function checkSignInOptions(options: SetupOptions): void {
  const { signIn, service, method, require } = options;
  if (signIn.by === undefined) return;
  if (service.methods.find(({ id }) => id === method)?.oauth === undefined && method !== undefined) {
    throw new CredsetupError('USAGE', `--sign-in is about OAuth2, and the method ${method} has no client that n8n could sign in with.`, { hint: 'Leave it out.' });
  }
  if (signIn.by === 'here') return;
  if (signIn.grant === 'client-credentials') throw new CredsetupError('USAGE', 'n8n signs in by a person only, never with the grant client-credentials.', { hint: 'Leave --grant out, or --sign-in n8n.' });
  const others = [...ofSignInHere(options), ...(require.length > 0 ? ['--require'] : [])];
  if (others.length > 0) throw new CredsetupError('USAGE', `${others.join(', ')} ${others.length === 1 ? 'is' : 'are'} about a sign-in here, and with --sign-in n8n nobody signs in here.`, { hint: `Leave ${others.length === 1 ? 'it' : 'them'} out, or --sign-in n8n.` });
}

/** Whether the command line leaves it open. What is set up again stays as it is. */
function isOpen({ options, terminal, signInBy }: Draft): boolean {
  const { signIn, existing, inPlaceOf, require } = options;
  return terminal !== undefined && signInBy === undefined && signIn.by === undefined && (existing ?? inPlaceOf) === undefined
    && ofSignInHere(options).length === 0 && require.length === 0;
}

/** What the answer means: who signs in, and whether n8n's address is registered. */
export interface WhoSignsIn { readonly by: SignInBy; readonly n8n: boolean }

const n8nAlone = { value: { by: 'n8n', n8n: true }, label: 'n8n alone', note: 'you press Connect there; no sign-in here, so none that ends here when it is idle' } as const;
const both = { value: { by: 'here', n8n: true }, label: 'n8n and this computer', note: 'for credsetup get, exec and test, too: you sign in twice' } as const;
const hereAlone = { value: { by: 'here', n8n: false }, label: 'This computer alone', note: 'n8n does not use this client' } as const;

/** undefined where the command line or what is stored says it. */
export async function askWhoSignsIn(draft: Draft, terminal: Terminal): Promise<Answer<WhoSignsIn> | undefined> {
  if (!isOpen(draft)) return undefined;
  // Whoever gave n8n's address wants n8n to sign in.
  const choices = draft.options.signIn.n8nCallbackUrl === undefined ? [n8nAlone, both, hereAlone] : [n8nAlone, both];
  return terminal.choose<WhoSignsIn>({ message: 'Who needs the sign-in?', choices });
}
