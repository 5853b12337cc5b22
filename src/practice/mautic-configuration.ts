/**
 * A practice Mautic's configuration form: the recorded page, filled with what was saved. It is as
 * strict as a test needs: a name that a browser would send and that is missing is an error, one
 * that is not in the form is an error of the whole form.
 */
import type { CheerioAPI } from 'cheerio';
import { bodyPairs, html, type PracticeRequest, type Reply } from './server.ts';
import { escaped, flashes, folder, formToken, helpBlock, mustRevalidate, redirect } from './mautic-pages.ts';
import { recordedForm, recordedPage, type Pairs } from './mautic-recorded.ts';
import { isSeven, type MauticBrowserSession, type MauticState, type MauticUser } from './mautic-state.ts';

export interface Visitor {
  readonly state: MauticState;
  readonly user: MauticUser;
  readonly session: MauticBrowserSession;
}

const api = (name: string): string => `config[apiconfig][${name}]`;
const switches: Readonly<Record<string, 'apiEnabled' | 'basicEnabled'>> = { [api('api_enabled')]: 'apiEnabled', [api('api_enable_basic_auth')]: 'basicEnabled' };
const lifetimes: Readonly<Record<string, 'accessTokenMinutes' | 'refreshTokenDays'>> = {
  [api('api_oauth2_access_token_lifetime')]: 'accessTokenMinutes', [api('api_oauth2_refresh_token_lifetime')]: 'refreshTokenDays',
};
const token = 'config[_token]';
const fromEmail = 'config[emailconfig][mailer_from_email]';
const mailboxHost = 'config[emailconfig][monitored_email][general][host]';
const analytics = 'config[pageconfig][google_analytics]';
const isButton = (name: string): boolean => name.startsWith('config[buttons]');
const wrongToken = 'The CSRF token is invalid. Please try to resubmit the form.';
const extraFields = 'This form should not contain extra fields.';
const notWritable = 'The configuration file is not writable! Changes will not be saved.';

/** GET /s/config/edit */
export function showConfiguration(visitor: Visitor): Reply {
  return html(200, page(visitor, [], savedValues(visitor.state)), mustRevalidate);
}

/** What the page shows at first, or what was saved since, with the switches as they are. */
export function savedValues(state: MauticState): Map<string, readonly string[]> {
  const values = new Map(state.configuration ?? grouped(recordedForm(state, 'config-save').filter(([name]) => name !== token && !isButton(name))));
  for (const [name, key] of Object.entries(switches)) values.set(name, [state[key] ? '1' : '0']);
  for (const [name, key] of Object.entries(lifetimes)) values.set(name, [String(state[key])]);
  if (state.mailbox !== 'none') values.set(mailboxHost, ['imap.example.com']);
  return values;
}

function grouped(pairs: Pairs): Map<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of pairs) values.set(name, [...values.get(name) ?? [], value]);
  return values;
}

interface Fault {
  /** undefined: of the whole form. */
  readonly name: string | undefined;
  readonly text: string;
}

/** POST /s/config/edit: checked in full, saved when nothing is wrong and the token is right. */
export function saveConfiguration(visitor: Visitor, request: PracticeRequest): Reply {
  const { state, user } = visitor;
  const pairs = bodyPairs(request);
  const sent = grouped(pairs.filter(([name]) => name !== token && !isButton(name)));
  const faults = faultsOf(visitor, sent, pairs);
  // Where it cannot be written it shows what is in force.
  if (faults.length > 0) return html(200, page(visitor, faults, state.configNotWritable ? savedValues(state) : sent), mustRevalidate);
  const on = state.switchesRestricted === 'no';
  for (const [name, key] of Object.entries(switches)) if (on) state[key] = sent.get(name)?.[0] === '1';
  for (const [name, key] of Object.entries(lifetimes)) state[key] = Number(sent.get(name)?.[0]);
  state.configuration = new Map([...sent].map(([name, values]) => [name, stored(state, name, values)]));
  state.audit.push({ user: user.username, what: 'config update' });
  if (state.diskFull || state.mailbox === 'percent') state.offline = true;
  visitor.session.flashes.push({ text: state.language === 'es' ? 'Configuración actualizada' : 'Configuration successfully updated', error: false });
  return redirect(state, `${folder(state)}/s/${pairs.some(([name]) => name === 'config[buttons][apply]') ? 'config/edit' : 'dashboard'}`);
}

/** 5 escapes the script of Google Analytics at every Save. */
function stored(state: MauticState, name: string, values: readonly string[]): readonly string[] {
  return !isSeven(state) && name === analytics ? values.map((one) => one.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')) : values;
}

function faultsOf({ state, session }: Visitor, sent: ReadonlyMap<string, readonly string[]>, pairs: Pairs): readonly Fault[] {
  const given = pairs.find(([name]) => name === token)?.[1] ?? '';
  const form = template(state);
  const known = new Set(form('form[name=config] [name]').toArray().map((one) => form(one).attr('name') ?? ''));
  const faults: Fault[] = [
    ...wanted(state, sent).filter((name) => !sent.has(name)).map((name) => ({ name, text: 'A value is required.' })),
    ...(state.otherTabInError || (state.switchesRestricted === 'no' && !/^\S+@\S+\.\S+$/.test(sent.get(fromEmail)?.[0] ?? '')) ? [{ name: fromEmail, text: 'A valid email is required.' }] : []),
  ];
  if ([...sent.keys()].some((name) => !known.has(name))) faults.push({ name: undefined, text: extraFields });
  if (!session.formTokens.includes(given)) faults.push({ name: undefined, text: wrongToken });
  else if (state.configNotWritable) faults.push({ name: undefined, text: notWritable });
  return faults;
}

/** The names that a browser would send of this form; on 7 a name that needs another switch is left out while that is off. */
function wanted(state: MauticState, sent: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const form = template(state);
  const names = new Set(recordedForm(state, 'config-save').map(([name]) => name).filter((name) => name !== token && !isButton(name)));
  if (state.switchesRestricted !== 'no') names.delete(fromEmail);
  if (state.switchesRestricted === 'remove' || (state.switchesRestricted === 'mask' && !isSeven(state))) for (const name of Object.keys(switches)) names.delete(name);
  for (const one of form('[data-enable-on]').toArray()) {
    const condition = Object.keys(JSON.parse(form(one).attr('data-enable-on') ?? '{}') as Record<string, string>)[0] ?? '';
    const box = form(`#${condition}`);
    const name = form(one).attr('name') ?? '';
    if (sent.get(box.attr('name') ?? '')?.includes(box.attr('value') ?? '') === true) names.add(name);
    else names.delete(name);
  }
  // A box that is not ticked, and a list of which nothing is chosen, are not sent.
  return [...names].filter((name) => form(`[name="${name}"]`).first().attr('type') !== 'checkbox' && (!name.endsWith('[]') || form(`[name="${name}"]`).attr('data-order') !== undefined));
}

/** The recorded page, without or with less of the switches where they are restricted. */
function template(state: MauticState): CheerioAPI {
  const $ = recordedPage(state, 'config-page');
  // Measured: the address of the sender went with them.
  if (state.switchesRestricted === 'remove') $(`[name="${fromEmail}"]`).remove();
  if (state.switchesRestricted === 'mask') $(`[name="${fromEmail}"]`).attr('disabled', 'disabled');
  for (const name of Object.keys(switches)) {
    const radios = $(`[name="${name}"]`);
    if (state.switchesRestricted === 'remove') radios.remove();
    if (state.switchesRestricted === 'mask') radios.attr({ readonly: 'readonly', placeholder: 'Set by system', ...(isSeven(state) ? {} : { disabled: 'disabled' }) });
  }
  return $;
}

function page({ state, session }: Visitor, faults: readonly Fault[], values: ReadonlyMap<string, readonly string[]>): string {
  const $ = template(state);
  const form = $('form[name=config]');
  form.attr('action', `${folder(state)}/s/config/edit`);
  for (const [name, one] of values) fill($, name, one);
  $(`[name="${token}"]`).attr('value', formToken(session));
  for (const { name, text } of faults) {
    if (name === undefined) {
      form.prepend(`<div class="has-error">${helpBlock(state, text)}</div>`);
      continue;
    }
    const field = $(`[name="${name}"]`).first();
    const tab = field.closest('.tab-pane').attr('id') ?? '';
    field.replaceWith(`<div class="has-error">${$.html(field)}${helpBlock(state, text)}</div>`);
    form.before(`<a href="#${tab}" class="text-danger">${tab}</a>`);
  }
  if (state.configNotWritable) form.before(`<div class="alert alert-danger">${notWritable}</div>`);
  form.before(flashes(session));
  return `${$.html()}${script}`;
}

/** One name's controls as they show these values. Passwords are shown empty; a list that lacks a value gets it. */
function fill($: CheerioAPI, name: string, values: readonly string[]): void {
  for (const one of $(`[name="${name}"]`).toArray()) {
    const control = $(one);
    const type = control.attr('type');
    if (type === 'radio' || type === 'checkbox') {
      control.removeAttr('checked');
      if (values.includes(control.attr('value') ?? 'on')) control.attr('checked', 'checked');
    } else if (one.tagName === 'select') {
      choose($, control, values);
    } else if (one.tagName === 'textarea') {
      control.text(values[0] ?? '');
    } else if (type !== 'password' && type !== 'file') {
      control.attr('value', values[0] ?? '');
    }
  }
}

function choose($: CheerioAPI, select: ReturnType<CheerioAPI>, values: readonly string[]): void {
  const ordered = select.attr('data-order') !== undefined;
  if (ordered) select.attr('data-order', JSON.stringify(values));
  const there = select.find('option').toArray().map((one) => $(one).attr('value') ?? $(one).text());
  for (const value of values) if (!there.includes(value)) select.append(`<option value="${escaped(value)}">${escaped(value)}</option>`);
  for (const one of select.find('option').toArray()) {
    const option = $(one);
    option.removeAttr('selected');
    // Which are chosen is the script's to do, in their order.
    if (!ordered && values.includes(option.attr('value') ?? option.text())) option.attr('selected', 'selected');
  }
}

/** What Mautic's own script does to the form, for a real browser. */
const script = `<script>
for (const select of document.querySelectorAll('select[data-order]')) {
  for (const value of JSON.parse(select.dataset.order || '[]')) {
    const option = [...select.options].find((one) => one.value === value);
    option.selected = true;
    select.append(option);
  }
}
const enable = () => {
  for (const one of document.querySelectorAll('[data-enable-on]')) {
    one.disabled = !Object.keys(JSON.parse(one.dataset.enableOn)).some((id) => document.getElementById(id)?.checked);
  }
};
for (const radio of document.querySelectorAll('[data-attribute-toggle]:checked')) {
  const hidden = document.querySelector('[type=hidden][name$="[' + radio.dataset.attributeToggle.replaceAll('-', '_') + ']"]');
  if (hidden && hidden.value === '') hidden.value = radio.dataset.attributeValue;
}
document.addEventListener('change', enable);
enable();
</script>`;

