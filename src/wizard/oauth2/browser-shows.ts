/** "What does the browser show?": from a page in plain words, its text or its address to the step that repairs it. */
import type { Terminal } from '../../context.ts';
import { CredsetupError } from '../../errors.ts';
import type { Callback } from '../../oauth/redirect-server.ts';
import type { BrowserFailure } from '../../services/oauth-description.ts';
import { oauthOf, redirectServerOf } from './client.ts';
import { known, type Draft, type Outcome, type PlacedDraft } from '../draft.ts';
import type { Attempt } from './attempt.ts';
import { writeMessage } from '../steps.ts';

type Turn = 'again' | { readonly wait: true } | { readonly leave: Outcome };
export type Shown = { readonly turn: Turn } | { readonly callback: Callback };
type Choice = BrowserFailure | 'unreachable' | 'other' | 'nothing';

/** Throws INPUT_INVALID with the field `callback` for a pasted address that is none, and what a pasted error says. */
export async function askWhatIsShown(draft: PlacedDraft, attempt: Attempt, terminal: Terminal): Promise<Shown> {
  const { browserFailures } = oauthOf(draft);
  const answer = await terminal.choose<Choice>({
    message: 'What does the browser show?',
    choices: [
      { value: 'nothing', label: 'Nothing yet; keep waiting' },
      ...browserFailures.map((failure) => ({ value: failure, label: failure.seen })),
      { value: 'unreachable', label: 'A page that cannot be reached', note: 'the browser is on another machine: paste its address' },
      { value: 'other', label: 'Something else', note: 'paste the page\'s text or its address' },
    ],
  });
  if (answer.kind === 'back' || answer.value === 'nothing') return { turn: { wait: true } };
  if (answer.value === 'unreachable') return pasteAddress(draft, attempt, terminal);
  if (answer.value === 'other') return pastePage(draft, attempt, terminal);
  return { turn: await repair(answer.value, draft, terminal) };
}

/** The address holds the code, so it is not shown. */
export async function pasteAddress(draft: PlacedDraft, attempt: Attempt, terminal: Terminal): Promise<Shown> {
  const answer = await terminal.secret({
    message: 'Address of that page', maxLength: 8192, lineEnds: 'join',
    help: `It begins with ${serverUri(draft)} and holds code= and state=. Within ${oauthOf(draft).codeSeconds} seconds.`,
  });
  if (answer.kind === 'back') return { turn: { wait: true } };
  return { callback: await read(answer.value, draft, attempt) };
}

async function read(text: string, draft: PlacedDraft, { request }: Attempt): Promise<Callback> {
  const { readPastedCallback } = await import('../../oauth/pasted-callback.ts');
  const pasted = readPastedCallback(text, { redirectUri: serverUri(draft), state: request.state });
  draft.context.output.protect(pasted.code);
  return { ...pasted, finish: () => Promise.resolve() };
}

function serverUri(draft: PlacedDraft): string {
  return redirectServerOf(draft).redirectUri;
}

async function pastePage(draft: PlacedDraft, attempt: Attempt, terminal: Terminal): Promise<Shown> {
  const answer = await terminal.secret({ message: 'The page\'s text, or its address', maxLength: 20_000, lineEnds: 'join', help: 'Select all on the page, copy, paste here.' });
  return answer.kind === 'back' ? { turn: { wait: true } } : readShown(answer.value, draft, attempt, terminal);
}

/** What a browser shows, as text or as its address. Throws as askWhatIsShown does. */
export async function readShown(text: string, draft: PlacedDraft, attempt: Attempt, terminal: Terminal): Promise<Shown> {
  // A terminal or a mail may have broken it in lines.
  const whole = text.replace(/\s+/g, '');
  const { host } = new URL(serverUri(draft));
  if (/[?&](code|error)=/.test(whole) && whole.includes(host) || whole.replace(/^https?:\/\//i, '').startsWith(host)) return { callback: await read(text, draft, attempt) };
  const failure = recognise(text, oauthOf(draft).browserFailures);
  if (failure !== undefined) return { turn: await repair(failure, draft, terminal) };
  throw new CredsetupError('INPUT_INVALID', 'This page is not one that credsetup knows.', {
    field: 'callback', hint: `It may be a firewall's, or a fault of ${draft.service.title}: its log says more. Choose from the list, or sign in again.`,
  });
}

/** By the error's type when the page is JSON, otherwise by its English text. */
export function recognise(text: string, failures: readonly BrowserFailure[]): BrowserFailure | undefined {
  const type = /"type"\s*:\s*"([a-z_]+)"/.exec(text)?.[1];
  return failures.find(
    (failure) => type !== undefined && failure.types.includes(type),
  ) ?? failures.find((failure) => failure.texts.some((one) => one.test(text)));
}

async function repair(failure: BrowserFailure, draft: PlacedDraft, terminal: Terminal): Promise<Turn> {
  const { output } = draft.context;
  output.warn(`  ${failure.message}${failure.code === undefined ? '' : ` (${failure.code})`}`);
  output.warn(`    ${failure.hint}`);
  if (failure.code !== undefined && !await goOn(failure, draft, terminal)) return { wait: true };
  switch (failure.repair) {
    case 'wait': return { wait: true };
    case 'sign-in': return 'again';
    case 'redirect-uri': return compareRedirectUri(draft, terminal);
    case 'role': return askForRole(draft, terminal);
    case 'client-id':
      for (const key of ['clientId', 'clientSecret']) draft.given.delete(key);
      return { leave: { goTo: 'clientId' } };
    case 'inspect':
      forgetState(draft);
      return { leave: { goTo: 'inspect' } };
  }
}

/** Asked anew: the draft is then as before it was known. */
function forgetState(draft: Draft): void {
  delete draft.state;
}

const repairs: Readonly<Record<BrowserFailure['repair'], string>> = {
  wait: 'Keep waiting', 'sign-in': 'Sign in once more', 'redirect-uri': 'Compare the Redirect URI', 'client-id': 'Enter Client ID and Client Secret again',
  inspect: 'Go back to the switch of the API', role: 'Go on after the role was changed',
};

/** False: keep waiting. Throws the failure's own code when the person stops there. */
async function goOn(failure: BrowserFailure, draft: PlacedDraft, terminal: Terminal): Promise<boolean> {
  const answer = await terminal.choose<'repair' | 'wait' | 'stop'>({
    message: 'What now?',
    choices: [{ value: 'repair', label: repairs[failure.repair] }, { value: 'wait', label: 'Keep waiting' }, { value: 'stop', label: 'Stop', note: 'nothing is saved' }],
  });
  if (answer.kind === 'back' || answer.value === 'wait') return false;
  if (answer.value === 'repair') return true;
  throw new CredsetupError(failure.code ?? 'CANCELLED', failure.message, { service: draft.service.id, url: draft.base, hint: failure.hint, stopped: true });
}

/** What is registered, character by character beside what was sent. */
async function compareRedirectUri(draft: PlacedDraft, terminal: Terminal): Promise<Turn> {
  const { output } = draft.context;
  const wanted = serverUri(draft);
  const page = oauthOf(draft).clientsPage(draft.base);
  output.say(`    Open the client: ${output.style.accent(page)}`);
  const answer = await terminal.text({ message: 'What stands there as Redirect URI?', help: 'Copy the whole field and paste it here.', maxLength: 4096 });
  if (answer.kind === 'back') return { wait: true };
  for (const line of differences(answer.value, wanted)) output.say(`    ${line}`);
  output.say(`    The field must hold:\n${known(draft.redirect, 'redirect URI').registered}`);
  const key = await terminal.waitKey({ message: 'change it there, then Save', keys: [{ key: 'enter', means: 'saved; sign in again' }] });
  return key === 'back' ? { wait: true } : 'again';
}

/** Sentences on how the registered URIs differ from the one that is sent. */
export function differences(registered: string, wanted: string): readonly string[] {
  const uris = registered.split(',').map((uri) => uri.trim()).filter((uri) => uri !== '');
  if (uris.length === 0) return ['The field is empty.'];
  // Measured: it matches when it begins with a registered one, whatever the case of its letters.
  if (uris.some((uri) => wanted.toLowerCase().startsWith(uri.toLowerCase()))) return ['The field holds it as it should. Was it saved, and is it the client with this Client ID?'];
  return uris.flatMap((uri) => {
    const at = Array.from(wanted, (character, index) => character.toLowerCase() === uri[index]?.toLowerCase()).indexOf(false);
    return [`registered: ${uri}`, `sent:       ${wanted}`, `            ${' '.repeat(Math.max(at, 0))}^ differs from here on`];
  });
}

async function askForRole(draft: PlacedDraft, terminal: Terminal): Promise<Turn> {
  for (;;) {
    const key = await terminal.waitKey({ message: 'API access for the role', keys: [{ key: 'enter', means: 'sign in again' }, { key: 'm', means: 'message for your admin' }] });
    if (key !== 'm') return key === 'back' ? { wait: true } : 'again';
    const base = draft.base;
    writeMessage(oauthOf(draft).roleTask.replaceAll('{base}', base), base, draft.context);
  }
}

