/** What the redirect server turns away: the status, the page, and the words for the person in the terminal. */
import type { Page } from './redirect-page.ts';

export type TurnedAwayKind =
  | 'wrong-host' | 'foreign-origin' | 'wrong-method' | 'wrong-path' | 'too-early'
  | 'wrong-state' | 'missing-cookie' | 'repeated-parameter' | 'malformed' | 'already-received';

export interface TurnedAway {
  readonly status: number;
  /** After a number: "2 with the wrong state". */
  readonly words: string;
  readonly page: Page;
}

const notice = (heading: string, ...text: string[]): Page => ({ tone: 'notice', heading, text });
const notForThis = notice('Nothing here', 'credsetup has no page at this address.');
const unusable = notice('Not usable', 'What came back from the service cannot be used.', 'Go back to the terminal and start the sign-in again.');

export const turnedAway: Readonly<Record<TurnedAwayKind, TurnedAway>> = {
  // RFC 9110 §15.5.20: not meant for this authority. DNS rebinding looks like this.
  'wrong-host': { status: 421, words: 'for another host', page: notForThis },
  'foreign-origin': { status: 403, words: 'from another site\'s page', page: notForThis },
  'wrong-method': { status: 405, words: 'with another method than GET', page: notForThis },
  'wrong-path': { status: 404, words: 'for another path', page: notForThis },
  'too-early': { status: 404, words: 'before the sign-in began', page: notice('Nothing here yet', 'No sign-in has begun. Start it from the terminal.') },
  'wrong-state': {
    status: 400, words: 'with the wrong state',
    page: notice('Not this one', 'This tab belongs to another sign-in, probably an older one.', 'Close it and finish the newest one. Nothing was lost.'),
  },
  'missing-cookie': {
    status: 403, words: 'without the cookie of this sign-in',
    page: notice('Another browser', 'This sign-in began in another browser or a private window, or cookies are off.', 'Finish it where it began, or start it again from the terminal.'),
  },
  'repeated-parameter': { status: 400, words: 'with a parameter twice', page: unusable },
  'malformed': { status: 400, words: 'with neither a code nor an error', page: unusable },
  'already-received': { status: 409, words: 'after the first was accepted', page: notice('Already received', 'This sign-in came back once before, and once is enough.', 'Go back to the terminal.') },
};

/** For a start address that was used, or never given out: each opens one browser. */
export const usedStart: { readonly status: number; readonly page: Page } = {
  status: 410, page: notice('Used before', 'This address works once.', 'Start the sign-in again from the terminal.'),
};

export type Counts = Readonly<Partial<Record<TurnedAwayKind, number>>>;

/** "3 callbacks were turned away: 2 with the wrong state, 1 for another path." '' for none. */
export function describeCounts(counts: Counts): string {
  const entries = (Object.keys(turnedAway) as TurnedAwayKind[]).flatMap((kind) => {
    const count = counts[kind] ?? 0;
    return count === 0 ? [] : [{ count, words: `${count} ${turnedAway[kind].words}` }];
  });
  const total = entries.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return '';
  return `${total} callback${total === 1 ? ' was' : 's were'} turned away: ${entries.map(({ words }) => words).join(', ')}.`;
}
