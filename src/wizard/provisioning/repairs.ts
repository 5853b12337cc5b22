/**
 * What keeps a secret from being made: shown with its documented page, waited for while an admin
 * does it, or agreed to be changed by an admin's session. The change itself is done later, last.
 */
import type { KeyHint, Terminal } from '../../context.ts';
import { isCredsetupError } from '../../errors.ts';
import { printError } from '../../error-text.ts';
import { questionFor } from '../../field-sources.ts';
import type { Change, Repair, Session } from '../../services/provisioning.ts';
import { known, type PlacedDraft } from '../draft.ts';
import { Poll } from '../poll.ts';
import { filled, openPage, placeholders, show, waitForKey, writeMessage } from '../steps.ts';
import { endSession, provisioningOf, step, openApi, openOf } from './sessions.ts';

/**
 * 'gone': somebody did it. 'change': it is among the agreed changes now. 'back': the person goes
 * another way. In a script: throws the repair's error unless --repair was given.
 */
export async function overcome(draft: PlacedDraft, repair: Repair): Promise<'gone' | 'change' | 'back'> {
  const { terminal, options, context: { output } } = draft;
  const open = openOf(draft);
  if (terminal === undefined) {
    const { change: changeOf } = repair;
    if (options.repair !== true || changeOf === undefined) throw repair.error;
    const change = await step(draft, '', (api) => changeOf(api, known(open.admin ?? open.session, 'session')));
    if (change.byPersonOnly !== undefined) throw change.byPersonOnly.error;
    tell(draft, change);
    open.changes.push(change);
    return 'change';
  }
  output.warn(`  ${output.style.caution('!')} ${repair.error.message}`);
  show(repair.step, placeholders(draft), 'First', draft.context);
  return wait(draft, terminal, repair);
}

async function wait(draft: PlacedDraft, terminal: Terminal, repair: Repair): Promise<'gone' | 'change' | 'back'> {
  const api = await openApi(draft);
  const poll = new Poll(() => repair.isGone(api, known(openOf(draft).session, 'session')));
  for (;;) {
    const key = await waitForKey(repair.step, draft, terminal, poll, keysOf(draft, repair));
    if (key === 'back') return 'back';
    if (key === 'done') return gone(draft, repair);
    if (key === 'o') await openPage(repair.step.page(api.base), draft.context);
    if (key === 'm') writeMessage(filled(repair.step.adminTask ?? '', placeholders(draft)), api.base, draft.context);
    if (key === 'enter') {
      if (await terminal.busy(`asking ${draft.service.title}`, () => poll.ask())) return gone(draft, repair);
      draft.context.output.say('  Not yet.');
    }
    if (key === 'r' && await agree(draft, terminal, repair)) return 'change';
    if (key === 'a' && await adminSignsIn(draft, terminal) && await agree(draft, terminal, repair)) return 'change';
  }
}

function keysOf(draft: PlacedDraft, { change }: Repair): readonly KeyHint[] {
  if (change === undefined) return [{ key: 'Esc', means: 'another way' }];
  return repairer(draft) === undefined ? [{ key: 'a', means: 'an admin signs in here' }] : [{ key: 'r', means: 'let credsetup change it' }];
}

function repairer(draft: PlacedDraft): Session | undefined {
  const { admin, session } = openOf(draft);
  return admin ?? (session?.admin === true ? session : undefined);
}

function gone(draft: PlacedDraft, repair: Repair): 'gone' {
  const { output } = draft.context;
  // Somebody else did it, in the service's pages.
  output.say(`  ${output.style.good('✔')} ${known(repair.step.whenDone, 'outcome of the step')}, ${draft.service.title} says`);
  return 'gone';
}

/** Shows exactly what will be changed; true when the word was typed. */
async function agree(draft: PlacedDraft, terminal: Terminal, repair: Repair): Promise<boolean> {
  const open = openOf(draft);
  const admin = known(repairer(draft), 'admin');
  const changeOf = known(repair.change, 'change');
  try {
    const change = await step(draft, 'reading how it is now', (api) => changeOf(api, admin));
    tell(draft, change);
    const word = change.byPersonOnly?.word ?? provisioningOf(draft).repairWord;
    if (!await terminal.typeWord({ message: `Type ${word} to let credsetup do this, last of all`, word })) return false;
    open.changes.push(change);
    return true;
  } catch (error) {
    if (!isCredsetupError(error) || draft.context.signal.aborted) throw error;
    printError(error, draft.context.output, { terminal });
    return false;
  }
}

function tell({ context: { output } }: PlacedDraft, change: Change): void {
  // What comes with it may be long: what it is about stands last, where it is seen.
  for (const line of change.details ?? []) output.warn(`  ${line}`);
  output.warn('  This will be changed on the server:');
  for (const line of change.lines) output.warn(`    ${line}`);
  output.warn(`  To undo it later: ${change.undoBy}`);
}

/** Somebody with the rights signs in beside the person, for the change alone. */
async function adminSignsIn(draft: PlacedDraft, terminal: Terminal): Promise<boolean> {
  const open = openOf(draft);
  const provisioning = provisioningOf(draft);
  const values: Record<string, string> = {};
  for (const field of provisioning.signInFields) {
    const question = { ...questionFor(field), message: `Admin's ${field.label}` };
    const answer = await (field.secret ? terminal.secret(question) : terminal.text(question));
    if (answer.kind === 'back') return false;
    if (field.secret) draft.context.output.protect(answer.value);
    values[field.key] = answer.value;
  }
  for (;;) {
    const together = `sign-in ${JSON.stringify(values)}`;
    if (draft.refused.has(together)) {
      draft.context.output.warn('  This was refused a moment ago; it is not sent a second time.');
      return false;
    }
    try {
      await step(draft, 'signing in', async (api) => { open.admin = await provisioning.signIn(api, values, (secret) => { draft.context.output.protect(secret); }); });
      if (open.admin?.admin === true) return true;
      draft.context.output.warn(`  ${open.admin?.account.username ?? ''} is no administrator.`);
      await endSession(draft, open, 'admin');
      return false;
    } catch (error) {
      if (!isCredsetupError(error) || draft.context.signal.aborted) throw error;
      if (error.code !== 'MFA_REQUIRED') {
        draft.refused.add(together);
        printError(error, draft.context.output, { terminal });
        return false;
      }
      const codeField = known(provisioning.codeField, 'field of a code');
      const code = await terminal.text(questionFor(codeField));
      if (code.kind === 'back') return false;
      draft.context.output.protect(code.value);
      values[codeField.key] = code.value;
    }
  }
}
