/** What keeps a client or an account from being made at Mautic: a right of who signed in, and the switches of its configuration. */
import { CredsetupError, isCredsetupError, type ErrorCode } from '../../errors.ts';
import { get } from '../answer.ts';
import type { Api } from '../api.ts';
import type { Change, Repair, Session } from '../provisioning.ts';
import type { Step } from '../step.ts';
import { basic as basicHeader, mauticError, probeUser, selfPath } from './api.ts';
import { notAdmin } from './pages/accounts.ts';
import { mayCreateClients, notAllowed } from './pages/clients.ts';
import { hasSwitches, isWithoutEffect, mayConfigure, readConfiguration, rehearse, saveConfiguration, tabsOf, type Configuration, type Switch, type Switches } from './pages/configuration.ts';
import { whose, type Visit } from './pages/visit.ts';
import { openOf } from './session.ts';
import { clientRight, enableApi, enableBasicAuth, signInAsAdmin } from './steps.ts';

/** What the account lacks comes before what is off: it is told before anything is changed. */
export async function repairs(api: Api, session: Session, makesAccount: boolean, needed: readonly Switch[]): Promise<readonly Repair[]> {
  const lacking = makesAccount ? (session.admin ? [] : [adminMissing(api)]) : await clientRightMissing(api, session);
  return [...lacking, ...await switchedOff(api, session, needed)];
}

async function clientRightMissing(api: Api, session: Session): Promise<readonly Repair[]> {
  const may = (one: Session): Promise<boolean> => mayCreateClients(openOf(one).visit);
  if (await may(session)) return [];
  return [{ id: 'client right', step: clientRight, error: notAllowed(api, 'make a client'), isGone: (_api, mine) => may(mine) }];
}

function adminMissing(api: Api): Repair {
  return {
    id: 'admin', step: signInAsAdmin, error: notAdmin(api),
    isGone: async (_api, mine) => {
      const open = openOf(mine);
      open.admin = await mayConfigure(open.visit);
      return open.admin;
    },
  };
}

// ---------------------------------------------------------------- the switches

const switches: Readonly<Record<Switch, { readonly step: Step; readonly label: string }>> = {
  api: { step: enableApi, label: 'API enabled?' }, basic: { step: enableBasicAuth, label: 'Enable HTTP basic auth?' },
};

async function isOn(api: Api, which: Switch): Promise<boolean> {
  if (which === 'api') return mauticError(await get(api, selfPath))?.type !== 'api_disabled';
  return (await get(api, selfPath, basicHeader(probeUser, probeUser))).status !== 403;
}

/** One repair for all that is off: a second Save right after the first would only write the same once more. */
async function switchedOff(api: Api, session: Session, needed: readonly Switch[]): Promise<readonly Repair[]> {
  const off: Switch[] = [];
  // While the API is off the other switch cannot be asked for: it is looked at in the form.
  if (!await isOn(api, 'api')) off.push(...needed);
  else for (const which of needed) if (!await isOn(api, which)) off.push(which);
  return off.length === 0 ? [] : [repairOf(api, session, off)];
}

function repairOf(api: Api, session: Session, off: readonly Switch[]): Repair {
  const first = off[0] ?? 'api';
  const { step } = switches[first];
  const code: ErrorCode = first === 'api' ? 'API_DISABLED' : 'BASIC_AUTH_DISABLED';
  const asAdmin = session.admin ? 'Let credsetup do it with --repair.' : 'An admin does it; or signs in and lets credsetup do it with --repair.';
  return {
    id: off.join('+'), step: { ...step, title: off.map((which) => switches[which].step.title).join(', ') },
    error: new CredsetupError(code, step.error?.message ?? step.title, { ...whose(api), hint: `${step.instructions.join(': ')} ${step.page(api.base)} ${asAdmin}` }),
    isGone: async (to) => {
      for (const which of off) if (!await isOn(to, which)) return false;
      return true;
    },
    change: (to, admin) => changeOf(to, admin, off),
  };
}

/** The rehearsal comes with the description: what would not pass is told while everything is as it was. */
async function changeOf(api: Api, admin: Session, off: readonly Switch[]): Promise<Change> {
  const { visit } = openOf(admin);
  const wanted: Switches = Object.fromEntries(off.map((which) => [which, true]));
  const rehearsed = await rehearse(visit, wanted);
  const before: Switches = Object.fromEntries(off.map((which) => [which, rehearsed.switches[which]]));
  const names = off.map((which) => `"${switches[which].label}"`).join(' and ');
  return {
    id: `configuration ${off.join('+')}`,
    lines: off.map((which) => `"${switches[which].label}": ${rehearsed.switches[which] ? 'Yes' : 'No'} -> Yes, for the whole Mautic`),
    details: whatElse(rehearsed),
    undoBy: `Settings > Configuration > API Settings: set ${names} to No again, Save. ${enableApi.page(api.base)}`,
    ...(rehearsed.mailboxes.length === 0 ? {} : { byPersonOnly: { error: mailboxWarning(api, rehearsed), word: 'mailbox' } }),
    apply: async () => {
      try {
        await saveConfiguration(visit, rehearsed, wanted);
      } catch (error) {
        throw isCredsetupError(error) && isWithoutEffect(error) ? await setBack(visit, before, error) : error;
      }
    },
    undo: () => restoreSwitches(visit, before),
  };
}

/** What shows as it was is left: a Save writes more than the switches. */
async function restoreSwitches(visit: Visit, before: Switches): Promise<void> {
  if (hasSwitches(await readConfiguration(visit), before)) return;
  await saveConfiguration(visit, await rehearse(visit, before), before);
}

async function setBack(visit: Visit, before: Switches, error: CredsetupError): Promise<CredsetupError> {
  try {
    await restoreSwitches(visit, before);
    return error.withHint(`${error.hint} The switch is set back to No in the form.`);
  } catch (failure) {
    if (!isCredsetupError(failure)) throw failure;
    return error.withHint(`${error.hint} The switch stays at Yes in the form; it could not be set back (${failure.code}).`);
  }
}

function whatElse(configuration: Configuration): readonly string[] {
  return [
    'The whole configuration form is sent, as a browser\'s Save sends it. The first Save ever made also writes each setting below with the value that it shows now; a later one leaves them as they are:',
    ...tabsOf(configuration).map((tab) => `  ${tab}`),
    ...configuration.mailboxes.map((host) => `Careful: a monitored mailbox is set up (${host}). Where its password holds two %, any Save, a browser's too, ends in a Mautic that does not start until config/local.php is repaired on the server. Have a copy of that file.`),
  ];
}

function mailboxWarning(api: Api, { mailboxes }: Configuration): CredsetupError {
  const message = `A monitored mailbox is set up (${mailboxes[0] ?? ''}): where its password holds two %, any Save ends in a Mautic that does not start. Nothing was changed.`;
  return new CredsetupError('API_DISABLED', message, {
    ...whose(api), causes: [{ code: 'MONITORED_MAILBOX', message, check: `${api.base}/s/config/edit?tab=emailconfig`, fix: 'Look whether that password holds two %, then turn the switch on in the page, or run this on a terminal and type the word mailbox.' }],
    hint: 'A script does not do this, --yes or not. Turn the switch on in Mautic\'s page, or run credsetup on a terminal and type the word there.',
  });
}
