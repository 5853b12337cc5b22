/** A session at Mautic: a visit to its own pages, and whose it is. */
import type { Api, Values } from '../api.ts';
import type { Session } from '../provisioning.ts';
import { mayConfigure } from './pages/configuration.ts';
import { endIfFails } from './pages/ending.ts';
import { signInToPages, signOutOfPages, type PersonSignIn } from './pages/sign-in.ts';
import type { Visit } from './pages/visit.ts';

/** What a session holds beside what the core sees. */
export interface Opened {
  readonly visit: Visit;
  readonly who: PersonSignIn;
  readonly protect: (secret: string) => void;
  /** As it was when it was last asked for. */
  admin: boolean;
  /** Of the account that was made in this run: it signs in at the OAuth pages instead of who made it. */
  made?: PersonSignIn;
}

const opened = new WeakMap<Session, Opened>();

/** What belongs to a session that `signIn` gave. */
export function openOf(session: Session): Opened {
  const open = opened.get(session);
  if (open === undefined) throw new Error('this session was not opened here');
  return open;
}

/** Throws PASSWORD_REJECTED, SIGN_IN_UNSUPPORTED, and what keeps any page from being read. */
export async function signIn(api: Api, values: Values, protect: (secret: string) => void): Promise<Session> {
  const who = { username: values['username'] ?? '', password: values['password'] ?? '' };
  const visit = await signInToPages(api, who);
  const open: Opened = { visit, who, protect, admin: await endIfFails(() => mayConfigure(visit), () => signOutOfPages(visit)) };
  const session: Session = {
    authorization: '', isLogin: true, at: undefined, get admin() { return open.admin; },
    account: { id: who.username, username: who.username },
  };
  opened.set(session, open);
  return session;
}

export async function signOut(session: Session): Promise<void> {
  await signOutOfPages(openOf(session).visit);
}
