/**
 * Signing in: a browser is sent to the service, and comes back to the redirect URI or does not.
 * Most failures never come back, so the person is asked what the browser shows, and each answer
 * leads to the step that repairs it, with everything else kept.
 */
import type { Terminal } from '../../context.ts';
import { CredsetupError, isCredsetupError } from '../../errors.ts';
import { printError } from '../../error-text.ts';
import type { AuthorizationRequest } from '../../oauth/authorization.ts';
import type { Callback } from '../../oauth/redirect-server.ts';
import type { Attempt } from './attempt.ts';
import { askWhatIsShown, pasteAddress, readShown, type Shown } from './browser-shows.ts';
import { endpointOf, oauthOf, redirectServerOf } from './client.ts';
import { known, type Outcome, type PlacedDraft, type ValidatedDraft } from '../draft.ts';
import { openPage } from '../steps.ts';

const defaultSeconds = 300;

type Turn = 'again' | 'signed-in' | { readonly wait: true } | { readonly leave: Outcome };

/** Throws the codes of exit 14 in a script; on a terminal it goes on until the person is signed in or goes back. */
export async function signInStage(draft: PlacedDraft): Promise<Outcome> {
  for (;;) {
    const attempt = await begin(draft);
    try {
      const outcome = await stay(draft, attempt);
      if (outcome !== 'again') return outcome;
    } finally {
      attempt.stop.abort();
    }
  }
}

async function begin(draft: PlacedDraft): Promise<Attempt> {
  const { output } = draft.context;
  output.say('');
  output.say(`  ${output.style.bold('Sign in')}`);
  output.say(`    ${draft.service.title} asks for your username and password once more, on its own page.`);
  const request = await openedInBrowser(draft) ?? await printed(draft);
  const stop = new AbortController();
  const seconds = draft.options.signIn.loginTimeout ?? defaultSeconds;
  const came = redirectServerOf(draft).waitForCallback({ timeoutMs: seconds * 1000, signal: AbortSignal.any([stop.signal, draft.context.signal]) })
    .catch((error: unknown) => {
      if (isCredsetupError(error)) return error;
      throw error;
    });
  // A wait that nobody looks at any more must not end the program.
  came.catch(() => undefined);
  return { request, came, stop };
}

async function newRequest(draft: PlacedDraft): Promise<AuthorizationRequest> {
  const { authorizationRequest } = await import('../../oauth/authorization.ts');
  return authorizationRequest({
    authorizationEndpoint: oauthOf(draft).authorizationEndpoint(draft.base),
    clientId: known(draft.values.get('clientId'), 'client ID'), redirectUri: redirectServerOf(draft).redirectUri,
  });
}

/** The browser of this machine, sent to the start page; undefined when none is wanted or, said here, can be opened. */
async function openedInBrowser(draft: PlacedDraft): Promise<AuthorizationRequest | undefined> {
  if (!draft.options.signIn.browser || draft.terminal === undefined) return undefined;
  const request = await newRequest(draft);
  const { startUrl } = redirectServerOf(draft).expect({ authorizationUrl: request.url, state: request.state, cookie: true });
  if (!await draft.context.openBrowser(startUrl)) {
    draft.context.output.warn('    No browser could be opened here.');
    return undefined;
  }
  draft.context.output.say('    Your browser opens. Not there? Press o, or start again with --no-browser to see the address.');
  return request;
}

/** The full address alone on its line, for any browser; a request of its own, for its `state` is seen. */
async function printed(draft: PlacedDraft): Promise<AuthorizationRequest> {
  const { output, env } = draft.context;
  const request = await newRequest(draft);
  const server = redirectServerOf(draft);
  server.expect({ authorizationUrl: request.url, state: request.state, cookie: false });
  output.warn('    Open this address in a browser:');
  output.warn(request.url);
  if (inImage(draft)) {
    output.say(`    After the sign-in your browser ends at a page that cannot be reached: it is this container that listens there. Paste that page's address here, within ${oauthOf(draft).codeSeconds} seconds.`);
    output.say(`    Does your browser not know ${new URL(draft.base).host}? Put the host in its place by which you open ${draft.service.title}; leave the rest as it is.`);
    return request;
  }
  const { port } = new URL(server.redirectUri);
  if ((env['SSH_CONNECTION'] ?? '') !== '') {
    output.warn('    This is an SSH session. On your own computer, first run, with the host that you connect to:');
    output.warn(`ssh -L ${port}:127.0.0.1:${port} ${env['USER'] ?? 'you'}@this-host`);
  }
  if (draft.terminal !== undefined) output.say(`    If the browser is on another machine, it ends at a page that cannot be reached. Then press Enter here and paste that page's address, within ${oauthOf(draft).codeSeconds} seconds.`);
  return request;
}

/** Our container image says so of itself: no browser is in it, and none reaches the port in it. Other containers may have both. */
function inImage({ context: { env }, terminal }: PlacedDraft): boolean {
  return terminal !== undefined && (env['CREDSETUP_CONTAINER'] ?? '') !== '';
}

/** Waits with the person, or in a script alone. */
async function stay(draft: PlacedDraft, attempt: Attempt): Promise<Outcome | 'again'> {
  for (let pasteFirst = inImage(draft); ; pasteFirst = false) {
    const turn = draft.terminal === undefined ? await finish(draft, attempt, await attempt.came) : await takeTurn(draft, attempt, draft.terminal, pasteFirst);
    if (turn === 'again') return 'again';
    if (turn === 'signed-in') return 'next';
    if ('leave' in turn) return turn.leave;
  }
}

async function takeTurn(draft: PlacedDraft, attempt: Attempt, terminal: Terminal, pasteFirst: boolean): Promise<Turn> {
  if (pasteFirst) return handled(draft, attempt, terminal, () => pasteAddress(draft, attempt, terminal));
  const arrived = new AbortController();
  const arrive = (): void => { arrived.abort(); };
  // Nothing hangs on this promise: an attempt that is stopped rejects.
  attempt.came.then(arrive, arrive);
  const key = await terminal.waitKeyOrPaste({
    message: 'waiting for the browser', signal: arrived.signal,
    keys: [{ key: 'enter', means: 'it shows something else, or it is on another machine' }, { key: 'o', means: 'open it again' }],
  });
  if (key === 'back') return { leave: 'back' };
  return handled(draft, attempt, terminal, async () => {
    if (key === undefined) {
      const came = await attempt.came;
      if (isCredsetupError(came)) throw withCauses(draft, came);
      return { callback: came };
    }
    // The address that the browser ended at, or its page.
    if (typeof key === 'object') return readShown(key.pasted, draft, attempt, terminal);
    if (key !== 'o') return askWhatIsShown(draft, attempt, terminal);
    await openPage(redirectServerOf(draft).startAgain().startUrl, draft.context);
    return { turn: { wait: true } };
  });
}

/** Goes on with what the person gave; a failure is shown, and does not end the wizard. */
async function handled(draft: PlacedDraft, attempt: Attempt, terminal: Terminal, give: () => Promise<Shown>): Promise<Turn> {
  try {
    const shown = await give();
    return 'callback' in shown ? await finish(draft, attempt, shown.callback) : shown.turn;
  } catch (error) {
    return failed(draft, error, terminal);
  }
}

/** What came back, exchanged at once: a code lives seconds. */
async function finish(draft: PlacedDraft, { request }: Attempt, came: Callback | CredsetupError): Promise<Turn> {
  if (isCredsetupError(came)) throw withCauses(draft, came);
  if (came.kind === 'error') {
    const { callbackError } = await import('../../oauth/callback-error.ts');
    const error = callbackError(came);
    await came.finish({ ok: false, message: error.message });
    throw error;
  }
  const { exchangeCode, isCodeExpired } = await import('../../oauth/tokens.ts');
  try {
    const tokens = await exchangeCode({ ...endpointOf(draft), callbackUrl: came.callbackUrl, state: request.state, codeVerifier: request.codeVerifier });
    draft.tokens = tokens;
    await came.finish({ ok: true });
    return 'signed-in';
  } catch (error) {
    await came.finish({ ok: false, message: isCredsetupError(error) ? error.message : 'Something went wrong.' });
    if (!isCredsetupError(error) || !isCodeExpired(error) || draft.terminal === undefined) throw error;
    draft.context.output.warn(`  The code came too late: it lives ${oauthOf(draft).codeSeconds} seconds. The sign-in starts again.`);
    return 'again';
  }
}

/** A script gets every page that the person may be looking at as a cause. */
function withCauses(draft: PlacedDraft, error: CredsetupError): CredsetupError {
  if (error.code !== 'AUTHORIZATION_TIMEOUT') return error;
  const causes = oauthOf(draft).browserFailures.filter((one) => one.code !== undefined).map((one) => ({
    code: one.code ?? '', message: one.message, check: `The browser shows: ${one.seen}`, fix: one.hint,
  }));
  return error.with({ service: draft.service.id, url: draft.base, causes });
}

/** On a terminal no failure of a sign-in ends the wizard. */
async function failed(draft: PlacedDraft, error: unknown, terminal: Terminal): Promise<Turn> {
  if (!isCredsetupError(error) || error.details.stopped === true || draft.context.signal.aborted || error.exitCode > 125 || error.code === 'UNEXPECTED') throw error;
  if (error.details.field === 'clientId' || error.code === 'CLIENT_REJECTED') {
    printError(error, draft.context.output, { terminal });
    draft.given.delete('clientId');
    draft.given.delete('clientSecret');
    return { leave: { goTo: 'clientId' } };
  }
  // The causes are what the person is asked about next.
  printError(new CredsetupError(error.code, error.message, { hint: error.hint }), draft.context.output);
  // What was pasted is no address of this sign-in, and the sign-in is still open.
  if (error.code === 'INPUT_INVALID') return { wait: true };
  const answer = await terminal.choose<'again' | 'stop'>({
    message: 'What now?',
    choices: [{ value: 'again', label: error.code === 'AUTHORIZATION_TIMEOUT' ? 'Keep waiting: sign in once more' : 'Sign in once more' }, { value: 'stop', label: 'Stop', note: 'nothing is saved' }],
  });
  if (answer.kind === 'back') return { leave: 'back' };
  if (answer.value === 'stop') throw error.with({ stopped: true });
  return 'again';
}

/** A session that is remembered in the browser may be another account than the person thinks. */
export async function accountStage(draft: ValidatedDraft): Promise<Outcome> {
  if (draft.terminal === undefined) return 'through';
  const { account } = draft.validation;
  const answer = await draft.terminal.choose({
    message: `Signed in as ${account.username ?? account.name ?? 'an account without a name'}. Is that the account that n8n should use?`,
    choices: [{ value: true, label: 'Yes' }, { value: false, label: 'No, sign in as another one' }],
  });
  if (answer.kind === 'back') return 'back';
  if (answer.value) return 'next';
  draft.context.output.say(`  Sign out first, or use a private window: ${oauthOf(draft).signOutPage(draft.base)}`);
  return { goTo: 'sign-in' };
}
