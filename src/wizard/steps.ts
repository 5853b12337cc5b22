/**
 * The steps that are still to do in the service's own pages. The server is asked whether one is
 * done; while it is open it is asked again, sparingly, and the wizard goes on by itself.
 */
import type { Context, KeyHint, Pasted, Terminal } from '../context.ts';
import { CredsetupError } from '../errors.ts';
import type { Step } from '../services/step.ts';
import { apiOf } from '../server/connection.ts';
import { known, type Outcome, type PlacedDraft } from './draft.ts';
import { Poll } from './poll.ts';

export async function stepsStage(draft: PlacedDraft): Promise<Outcome> {
  const { method, state, base } = draft;
  const open = method.steps.filter((step) => isOpen(draft, step, state.done[step.id]));
  for (const step of method.steps.filter((one) => state.done[one.id] === true)) {
    draft.context.output.say(`  ${draft.context.output.style.good('✔')} ${step.whenDone ?? step.title}`);
  }
  for (const step of open) {
    // What it is to give was pasted at the step before.
    if (draft.pasted !== undefined && step.isDone === undefined) continue;
    if (draft.terminal === undefined) throw notDone(step, base, draft.service.id);
    show(step, placeholders(draft), `${method.steps.indexOf(step) + 1} of ${method.steps.length}`, draft.context);
    const outcome = await doStep(step, draft, draft.terminal);
    if (outcome === 'back') return 'back';
    // A switch that was turned on may let the server tell more than before.
    if (outcome === 'done') {
      draft.state = { ...state, done: { ...state.done, [step.id]: true } };
      return { goTo: 'inspect' };
    }
  }
  return open.length === 0 ? 'through' : 'next';
}

/** A step that the server does not tell about is shown to a person who has no value yet. */
function isOpen(draft: PlacedDraft, step: Step, done: boolean | undefined): boolean {
  if (done !== undefined) return !done;
  // Not told yet: a step before it has to be done first.
  if (step.isDone !== undefined) return true;
  return draft.terminal !== undefined && draft.method.fields.some((field) => !draft.given.has(field.key));
}

function notDone(step: Step, base: string, service: string): CredsetupError {
  const { code, message } = known(step.error, 'error of the step');
  return new CredsetupError(code, message, {
    service, url: base, hint: `${step.instructions.join(': ')} The page: ${step.page(base)}`,
  });
}

/** What a step's words may name: {base}, {redirectUri}. */
export function placeholders(draft: PlacedDraft): Readonly<Record<string, string>> {
  return { base: draft.base, redirectUri: draft.redirect?.registered ?? '' };
}

export function filled(text: string, words: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, word: string) => (Object.hasOwn(words, word) ? words[word] ?? whole : whole));
}

/** A step on the screen: page, instructions, notes. */
export function show(step: Step, words: Readonly<Record<string, string>>, place: string, { output }: Context): void {
  output.say('');
  output.say(`  ${output.style.bold(`${place}  ${step.title}`)}`);
  output.say(`    Open   ${output.style.accent(step.page(words['base'] ?? ''))}`);
  // What is copied stands alone on its line: what the line's end or an indent adds would be copied, too.
  for (const line of step.instructions) output.say(`${/^\{\w+\}$/.test(line) ? '' : '    '}${filled(line, words)}`);
  for (const note of step.notes ?? []) output.say(typeof note === 'string' ? `    ${output.style.dim(note)}` : note.copied);
}

type StepOutcome = 'done' | 'skipped' | 'back';

async function doStep(step: Step, draft: PlacedDraft, terminal: Terminal): Promise<StepOutcome> {
  const api = apiOf(draft.base, draft.http, draft.connection);
  const { isDone } = step;
  const poll = isDone === undefined ? undefined : new Poll(() => isDone(api));
  for (;;) {
    const key = await (poll === undefined ? waitForValue(step, terminal) : waitForKey(step, draft, terminal, poll));
    if (typeof key === 'object') draft.pasted = key.pasted;
    if (key === 'done' || key === 'back') return key;
    if (typeof key === 'object' || key === 's') return 'skipped';
    if (key === 'o') await openPage(step.page(api.base), draft.context);
    if (key === 'm') writeMessage(filled(step.adminTask ?? '', placeholders(draft)), api.base, draft.context);
    if (key === 'c') await copyLine(draft.redirect?.registered ?? '', draft.context);
    if (key === 'enter') {
      if (poll === undefined) return 'skipped';
      if (await terminal.busy(`asking ${draft.service.title}`, () => poll.ask())) return 'done';
      draft.context.output.say('  Not yet. If Save changed nothing, look for a warning sign on another tab of that page.');
    }
  }
}

/** At a step that gives a value, of which no server can tell: the key that was pressed, 'back', or the value itself. */
async function waitForValue(step: Step, terminal: Terminal): Promise<string | Pasted> {
  return await terminal.waitKeyOrPaste({ message: step.title, keys: keysAt(step, 'I have it, go on') }) ?? 'enter';
}

/** The key that was pressed, 'done' when the server said so first, or 'back'. */
export async function waitForKey(step: Step, draft: PlacedDraft, terminal: Terminal, poll: Poll, more: readonly KeyHint[] = []): Promise<string> {
  const stop = new AbortController();
  const keys = [...keysAt(step, 'check now'), ...(more.length > 0 ? more : [{ key: 's', means: 'skip' }])];
  const polled = poll.untilDone(AbortSignal.any([stop.signal, draft.context.signal])).finally(() => stop.abort());
  try {
    const key = await terminal.waitKey({ message: `waiting for ${draft.service.title}: ${step.title}`, keys, signal: stop.signal });
    if (key !== undefined) return key;
    return await polled ? 'done' : 'enter';
  } finally {
    // An answer that is still on its way is not waited for: a server may take its time, a person does not.
    stop.abort();
  }
}

function keysAt(step: Step, enter: string): readonly KeyHint[] {
  return [
    { key: 'enter', means: enter },
    { key: 'o', means: 'open the page' },
    ...(hasLineToCopy(step) ? [{ key: 'c', means: 'copy the Redirect URI' }] : []),
    ...(step.adminTask === undefined ? [] : [{ key: 'm', means: 'message for your admin' }]),
  ];
}

export async function openPage(url: string, context: Context): Promise<void> {
  if (!await context.openBrowser(url)) context.output.say(`  No browser could be opened here. The address: ${url}`);
}

function hasLineToCopy(step: Step): boolean {
  return step.instructions.some((line) => line.includes('{redirectUri}'));
}

async function copyLine(line: string, context: Context): Promise<void> {
  const copied = await context.copyToClipboard(line);
  context.output.say(copied ? '  Copied.' : `  There is no clipboard that credsetup can use here. The line:\n${line}`);
}

/** A message that can be sent as it is: what to do, where, and who asks for what. */
export function writeMessage(task: string, base: string, { output }: Context): void {
  output.say('');
  output.say(`  ${output.style.dim('──── for your admin ────')}`);
  output.say(task);
  output.say(`(Asked for by credsetup, which sets up the credential that n8n uses for ${base}.)`);
  output.say(`  ${output.style.dim('────────────────────────')}`);
}
