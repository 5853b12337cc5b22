/** A practice Mautic's API: who asks, what the role may read. */
import { basicCredentials, bearerToken, type PracticeRequest, type Reply } from './server.ts';
import { findRoute, type Route } from './routes.ts';
import { apiDisabled, authorizationDenied, authorized, basicDisabled, failure, notPermitted, passwordRefused, tokenExpired, tokenInvalid } from './mautic-answers.ts';
import { peopleRoutes, type Asker } from './mautic-people.ts';
import { authenticate, clientSelfView, isSeven, may, selfView, type MauticState } from './mautic-state.ts';

/** What holds for everything under /api and /oauth before anything else is looked at. */
export function switchedOff(state: MauticState, request: PracticeRequest): Reply | undefined {
  if (!state.apiEnabled || state.apiForcedOff) return apiDisabled;
  const basic = state.headerDropped ? undefined : basicCredentials(request.authorization);
  return basic !== undefined && !state.basicEnabled ? basicDisabled : undefined;
}

/** Everything under /api. */
export function api(state: MauticState, request: PracticeRequest): Reply {
  const asker = identify(state, state.headerDropped ? undefined : request.authorization);
  if ('status' in asker) return asker;
  const match = findRoute(routes, request.method, request.path);
  return match?.route.answer(asker, request, match.parts) ?? failure(404, null, `Requested URL not found: ${request.target.split('?', 1)[0] ?? ''}`);
}

/** Who the credential stands for, or the refusal. */
function identify(state: MauticState, authorization: string | undefined): Asker | Reply {
  const basic = basicCredentials(authorization);
  if (basic !== undefined) {
    const user = authenticate(state, basic.user, basic.password);
    return user === undefined ? passwordRefused(state) : { state, role: user.role, self: selfView(state, user) };
  }
  const bearer = bearerToken(authorization);
  return bearer === undefined ? authorizationDenied : holder(state, bearer);
}

function holder(state: MauticState, bearer: string): Asker | Reply {
  const found = state.accessTokens.find(({ token }) => token === bearer);
  if (found === undefined) return tokenInvalid;
  if (found.expiresAt <= state.now()) return tokenExpired;
  const { user, client } = found;
  if (user === undefined) return { state, role: client.role, self: clientSelfView(state, client) };
  // A deactivated account's tokens go on working, and are refreshed.
  return { state, role: user.role, self: selfView(state, user) };
}

/** Lists: what they need, and how they are empty. Companies, segments and campaigns are not measured. */
const lists: readonly { readonly path: string; readonly permission: string; readonly empty: unknown }[] = [
  { path: '/api/contacts', permission: 'lead:leads', empty: { total: '0', contacts: {} } },
  { path: '/api/companies', permission: 'lead:leads', empty: { total: '0', companies: {} } },
  { path: '/api/segments', permission: 'lead:lists', empty: { total: 0, lists: {} } },
  { path: '/api/campaigns', permission: 'campaign:campaigns', empty: { total: 0, campaigns: [] } },
  { path: '/api/hooks', permission: 'webhook:webhooks', empty: { total: 0, hooks: [] } },
];

const routes: readonly Route<Asker>[] = [
  { method: 'GET', path: '/api/users/self', answer: ({ state, self }) => authorized(state, self) },
  ...lists.map(({ path, permission, empty }): Route<Asker> => ({
    method: 'GET', path, answer: ({ state, role }) => may(role, permission, ['viewown', 'viewother', 'view']) ? authorized(state, empty) : notPermitted(state),
  })),
  ...peopleRoutes,
  // 200 for everybody, so it proves nothing.
  { method: 'GET', path: '/api/hooks/triggers', answer: ({ state }) => authorized(state, { triggers: triggers(state) }) },
];

const triggerTexts: readonly (readonly [string, string, string])[] = [
  ['company_post_save', 'Company Create/Update Event', 'Triggered when a company is created/updated'],
  ['company_post_delete', 'Company Deleted Event', 'Triggered when a company is deleted'],
  ['lead_channel_subscription_changed', 'Contact Channel Subscription Change Event', "Triggered when a contact's channel subscription status changes."],
  ['lead_company_change', 'Contact Company Subscription Change Event', 'Triggered when a company is added or removed to/from contact'],
  ['lead_post_delete', 'Contact Deleted Event', 'Triggered when a contact is deleted.'],
  ['lead_post_save_new', 'Contact Identified Event', 'Triggered when a contact is identified.'],
  ['lead_points_change', 'Contact Points Changed Event', "Triggered when a contact's points are modified."],
  ['lead_list_change', 'Contact Segment Membership Change Event', 'Triggered when a contact segment membership is changed'],
  ['lead_post_save_update', 'Contact Updated Event', 'Triggered when a contact is updated.'],
  ['email_on_open', 'Email Open Event', 'mautic.email.webhook.event.open_desc'],
  ['email_on_send', 'Email Send Event', 'mautic.email.webhook.event.send_desc'],
  ['form_on_submit', 'Form Submit Event', 'mautic.form.webhook.event.form.submit_desc'],
  ['page_on_hit', 'Page Hit Event', 'mautic.page.webhook.event.hit_desc'],
  ['sms_on_send', 'Text Send Event', 'mautic.sms.webhook.event.send_desc'],
];

function triggers(state: MauticState): Record<string, unknown> {
  // Mautic 5 has a slip of the pen in one of them.
  const spelled = (text: string): string => isSeven(state) ? text : text.replace('a company is added', 'a commpany is added');
  return Object.fromEntries(triggerTexts.map(([name, label, description]) => [`mautic.${name}`, { label, description: spelled(description) }]));
}
