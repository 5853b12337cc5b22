/**
 * Mautic's configuration form, sent whole, as a browser's Save does. Read, rehearsed with a wrong
 * token (checked in full and never saved), read again, compared, sent, and then asked of the
 * server itself: a redirect alone proves nothing. Source: config-* in test/wire/mautic-forms-7.json and -5.json.
 */
import { CredsetupError, isCredsetupError, type Cause } from '../../../errors.ts';
import { get } from '../../answer.ts';
import type { Api } from '../../api.ts';
import { basic, mauticError, probeUser, selfPath } from '../api.ts';
import { hasClass, within, withValues, type Fault, type Form, type PageDocument, type Pairs } from './document.ts';
import { checkSession } from './sign-in.ts';
import { checkShown, formRefused, pageDiffers, whose, type Page, type Visit } from './visit.ts';

const path = '/s/config/edit';
const token = 'config[_token]';
const analytics = 'config[pageconfig][google_analytics]';
const switchNames = { api: 'config[apiconfig][api_enabled]', basic: 'config[apiconfig][api_enable_basic_auth]' } as const;

export type Switch = keyof typeof switchNames;
/** What is wanted of each; absent stays as it is. */
export type Switches = Readonly<Partial<Record<Switch, boolean>>>;

export interface Configuration {
  /** How the switches stand in the form. */
  readonly switches: Readonly<Record<Switch, boolean>>;
  /** Everything that a Save writes, without the token. */
  readonly pairs: Pairs;
  /** Hosts of monitored mailboxes: a Save can end in a Mautic that does not start, where a password holds two %. */
  readonly mailboxes: readonly string[];
}

interface Read {
  readonly page: Page;
  readonly form: Form;
  readonly configuration: Configuration;
}

/** Throws PERMISSION_DENIED for who is no admin, API_DISABLED where the switches cannot be changed here. */
export async function readConfiguration(visit: Visit): Promise<Configuration> {
  return (await read(visit)).configuration;
}

/** Whether this account may change the configuration: an admin. */
export async function mayConfigure(visit: Visit): Promise<boolean> {
  const page = await visit.get(path);
  checkSession(visit.api, page);
  checkShown(visit.api, page);
  return page.status === 200;
}

async function read(visit: Visit): Promise<Read> {
  const { api } = visit;
  const page = await visit.get(path);
  checkSession(api, page);
  if (page.status === 403) {
    throw new CredsetupError('PERMISSION_DENIED', 'This account may not change Mautic\'s configuration: it is no administrator.', { ...whose(api), hint: `An admin turns the switch on: ${api.base}${path}?tab=apiconfig` });
  }
  checkShown(api, page);
  const document = await page.document();
  const form = document.form('config');
  if (page.status !== 200 || form === undefined) throw pageDiffers(api, page, 'form "config"');
  if (!form.names.has(token)) throw pageDiffers(api, page, `field ${token}`);
  checkWritable(api, document);
  const switches = { api: switchOf(api, form, 'api'), basic: switchOf(api, form, 'basic') };
  const pairs = readable(form.pairs().filter(([name]) => name !== token));
  const mailboxes = pairs.filter(([name, value]) => /^config\[emailconfig\]\[monitored_email\]\[\w{1,80}\]\[host\]$/.test(name) && value !== '').map(([, value]) => value);
  return { page, form, configuration: { switches, pairs, mailboxes } };
}

/** In a writable install every alert stands inside the form. */
function checkWritable(api: Api, document: PageDocument): void {
  const outside = document.texts((one) => hasClass(one, 'alert-danger') && !within(one, ({ name }) => name === 'form'));
  if (outside.length === 0) return;
  throw unchangeable(api, 'CONFIGURATION_NOT_WRITABLE', `Mautic cannot write its configuration file. It says: ${outside[0] ?? ''}`, 'Who runs the server makes config/local.php (7: config/, 5: app/config/) writable for the web server, or sets the switch there.');
}

function switchOf(api: Api, form: Form, which: Switch): boolean {
  const radio = form.radio(switchNames[which]);
  const restricted = 'The switch is among the settings that this installation keeps from being changed here (restrictedConfigFields).';
  if (radio === undefined) throw unchangeable(api, 'SWITCH_RESTRICTED', `${restricted} It is not in the form.`, 'Who runs the server sets it in the configuration files, or takes it out of that list.');
  if (radio.fixed) throw unchangeable(api, 'SWITCH_RESTRICTED', `${restricted} It is shown and cannot be changed.`, 'Who runs the server sets it in the configuration files, or takes it out of that list.');
  if (!['0', '1'].every((value) => radio.values.includes(value))) throw pageDiffers(api, { method: 'GET', status: 200, path }, `choice of 0 and 1 for ${switchNames[which]}`);
  return radio.value === '1';
}

/** API_DISABLED with the cause: nothing was changed, and nothing here can change it. */
function unchangeable(api: Api, code: string, message: string, fix: string): CredsetupError {
  const cause: Cause = { code, message, check: `${api.base}${path}?tab=apiconfig`, fix };
  return new CredsetupError('API_DISABLED', `${message} Nothing was changed.`, { ...whose(api), causes: [cause], hint: fix });
}

/**
 * 5 shows this one escaped and escapes it again at each Save, a browser's too: decoded once, a Save
 * leaves it as it is. What holds a raw bracket was not escaped.
 */
function readable(pairs: Pairs): Pairs {
  return pairs.map(([name, value]) => [name, name === analytics && !/[<>]/.test(value) ? decoded(value) : value] as const);
}

const entities: ReadonlyMap<string, string> = new Map([['&lt;', '<'], ['&gt;', '>'], ['&quot;', '"'], ['&#039;', '\''], ['&amp;', '&']]);
const decoded = (text: string): string => text.replace(/&(?:lt|gt|quot|#039|amp);/g, (entity) => entities.get(entity) ?? entity);

/** The form with other switches, as it would be sent. */
function wantedPairs({ pairs, switches }: Configuration, wanted: Switches): Pairs {
  const values = (Object.keys(switchNames) as Switch[]).map((which) => [switchNames[which], wanted[which] ?? switches[which] ? '1' : '0'] as const);
  return withValues(pairs, Object.fromEntries(values));
}

/** Sends everything with a wrong token. Throws RESPONSE_INVALID naming what a Save would not pass; nothing is changed. */
export async function rehearse(visit: Visit, wanted: Switches): Promise<Configuration> {
  const { api } = visit;
  const { page, form, configuration } = await read(visit);
  const answer = await visit.submit(form, page, [...wantedPairs(configuration, wanted), [token, 'rehearsal'], ['config[buttons][apply]', '']]);
  checkSession(api, answer);
  if (answer.status === 403) throw formRefused(api, answer);
  const document = answer.status === 200 ? await answer.document() : undefined;
  const faults = document?.form('config')?.faults;
  if (document === undefined || faults === undefined) throw pageDiffers(api, answer, 'checked form after the rehearsal');
  const named = faults.filter(({ name }) => name !== undefined);
  if (named.length > 0) throw invalidFields(api, named, document);
  if (faults.length !== 1) throw pageDiffers(api, answer, 'one refusal of the wrong token after the rehearsal');
  return configuration;
}

function invalidFields(api: Api, faults: readonly Fault[], document: PageDocument): CredsetupError {
  const tabs = document.attributes((one) => one.name === 'a' && hasClass(one, 'text-danger'), 'href').map((one) => one.replace(/^#/, '')).filter((one) => /^\w{1,40}$/.test(one));
  const fields = faults.slice(0, 5).map(({ name, text }) => `${name ?? ''}: ${text}`).join('; ');
  const causes: readonly Cause[] = [{ code: 'CONFIGURATION_INVALID', message: `A field of the configuration is in error: ${fields}`, check: `${api.base}${path}${tabs[0] === undefined ? '' : `?tab=${tabs[0]}`}`, fix: 'Correct it there and Save; a browser\'s Save does not pass either before that.' }];
  return new CredsetupError('API_DISABLED', `Mautic would not save its configuration: ${fields}${tabs.length === 0 ? '' : ` (in the tab ${tabs.join(', ')})`}. Nothing was changed.`, {
    ...whose(api), causes, hint: `Correct it at ${api.base}${path} and run this again.`,
  });
}

/**
 * Saves the form with these switches, as it was when it was rehearsed, and asks the API whether it
 * obeys. Throws PERMISSION_DENIED when somebody changed a setting meanwhile (nothing is sent),
 * API_DISABLED with its cause, SERVER_ERROR when Mautic is ill after it.
 */
export async function saveConfiguration(visit: Visit, rehearsed: Configuration, wanted: Switches): Promise<void> {
  const { api } = visit;
  const { page, form, configuration } = await read(visit);
  const changed = difference(rehearsed.pairs, configuration.pairs);
  if (changed !== undefined) {
    throw new CredsetupError('PERMISSION_DENIED', `Somebody changed Mautic's configuration meanwhile (${changed}); nothing was sent, so that their change is not lost.`, { ...whose(api), hint: 'Run it again: it reads the form anew.' });
  }
  const mine = new Map(form.pairs()).get(token) ?? '';
  const send = (): Promise<Page> => visit.submit(form, page, [...wantedPairs(configuration, wanted), [token, mine], ['config[buttons][apply]', '']]);
  const answer = await orLost(visit, wanted, send);
  if (answer !== undefined) await checkTaken(visit, answer);
  await checkAlive(visit);
  const now = await readConfiguration(visit);
  if (!hasSwitches(now, wanted)) throw unchangeable(api, 'SAVE_WITHOUT_EFFECT', 'Mautic answered as if it had saved, and the switch is as it was.', `Look at ${api.base}${path}?tab=apiconfig in a browser.`);
  await checkObeyed(api, wanted);
}

/** Whether the form shows these. */
export function hasSwitches({ switches }: Configuration, wanted: Switches): boolean {
  return (Object.keys(switchNames) as Switch[]).every((which) => wanted[which] === undefined || switches[which] === wanted[which]);
}

/** The answer; undefined where it was lost and the form shows that it was saved. It is never sent twice. */
async function orLost(visit: Visit, wanted: Switches, send: () => Promise<Page>): Promise<Page | undefined> {
  try {
    return await send();
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    // Ill is told as ill; where it cannot be asked, the first failure says more.
    await checkAlive(visit).catch((failure: unknown) => { throw isCredsetupError(failure) && failure.code === 'SERVER_ERROR' ? failure : error; });
    const now = await readConfiguration(visit).catch((failure: unknown) => { throw isCredsetupError(failure) ? error : failure; });
    if (hasSwitches(now, wanted)) return undefined;
    throw error;
  }
}

async function checkTaken(visit: Visit, answer: Page): Promise<void> {
  const { api } = visit;
  if (answer.status >= 500) throw await ill(visit, answer.status);
  checkSession(api, answer);
  if (answer.status === 403) throw formRefused(api, answer);
  if (answer.status !== 200) return;
  const document = await answer.document();
  const faults = document.form('config')?.faults ?? [];
  throw invalidFields(api, faults.length > 0 ? faults : [{ name: undefined, text: 'no reason given' }], document);
}

function difference(before: Pairs, now: Pairs): string | undefined {
  const at = Array.from({ length: Math.max(before.length, now.length) }, (_, index) => index).find(
    (index) => before[index]?.[0] !== now[index]?.[0] || before[index]?.[1] !== now[index]?.[1],
  );
  return at === undefined ? undefined : (now[at] ?? before[at])?.[0];
}

async function checkAlive(visit: Visit): Promise<void> {
  const { status } = await visit.get('/s/login');
  if (status >= 500) throw await ill(visit, status);
}

function ill({ api }: Visit, status: number): Promise<CredsetupError> {
  return Promise.resolve(new CredsetupError('SERVER_ERROR', `Mautic took the Save and answers ${status} to everything since: its configuration file (config/local.php) is cut off or cannot be read.`, {
    ...whose(api),
    hint: 'Tell who runs the server now. A full disk cuts the file off; a monitored mailbox\'s password with two % is written back unescaped, and each such % must be doubled in local.php. A backup of that file repairs it at once.',
  }));
}

/** The next request obeys (measured: no cache is to be cleared). */
async function checkObeyed(api: Api, wanted: Switches): Promise<void> {
  if (wanted.api !== undefined && (mauticError(await get(api, selfPath))?.type !== 'api_disabled') !== wanted.api) throw forced(api, 'the API', 'api_enabled');
  if (wanted.basic === true && (await get(api, selfPath, basic(probeUser, probeUser))).status === 403) throw forced(api, 'HTTP basic auth', 'api_enable_basic_auth');
}

/** Saved, and without effect: what the form writes is written, and the switch is put back by `undo` of who asked. */
function forced(api: Api, what: string, setting: string): CredsetupError {
  const check = `${api.base}${path}?tab=apiconfig shows Yes, and ${what} is off all the same.`;
  const causes: readonly Cause[] = [
    { code: 'SWITCH_FORCED', message: `Another file of the installation forces ${setting}.`, check, fix: `Who runs the server takes ${setting} out of config/parameters_local.php, or sets it there.` },
    { code: 'CACHE_STALE', message: 'Mautic works with a cache from before the Save.', check, fix: 'Who runs the server clears Mautic\'s cache: php bin/console cache:clear, or delete var/cache/prod; then run this again.' },
  ];
  return new CredsetupError('API_DISABLED', `The switch was saved, and ${what} is as it was: another file of the installation forces it (parameters_local.php), or an old cache.`, {
    ...whose(api), causes, hint: causes.map(({ fix }) => fix).join(' Or: '),
  });
}

/** What a Save without effect is told by. */
export function isWithoutEffect({ details }: CredsetupError): boolean {
  return (details.causes ?? []).some(({ code }) => code === 'SWITCH_FORCED');
}

/** What a Save writes, for people: the tabs, and how many settings each has. */
export function tabsOf({ pairs }: Configuration): readonly string[] {
  const tabs = new Map<string, Set<string>>();
  for (const [name] of pairs) {
    const [, tab = '', setting = name] = /^config\[(\w{1,60})\]\[(\w{1,80})\]/.exec(name) ?? [];
    tabs.set(tab, (tabs.get(tab) ?? new Set()).add(setting));
  }
  return [...tabs].filter(([tab]) => tab !== '').map(([tab, settings]) => `${tab} (${settings.size}): ${[...settings].join(', ')}`);
}
