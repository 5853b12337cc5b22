/**
 * The pages that real Mautics showed, as templates: a form of 187 fields is taken from what was
 * recorded, not written a second time. Practice is not shipped, so it may read the tests' data.
 */
import { load, type CheerioAPI } from 'cheerio';
import five from '../../test/wire/mautic-forms-5.json' with { type: 'json' };
import seven from '../../test/wire/mautic-forms-7.json' with { type: 'json' };
import { isSeven, type MauticState } from './mautic-state.ts';

/** Names and values in the order of the page; a name may come several times. */
export type Pairs = readonly (readonly [string, string])[];

interface Recorded {
  readonly name: string;
  readonly request?: { readonly form?: Pairs };
  readonly response?: { readonly body?: unknown };
}

const files = { seven: seven as unknown as readonly Recorded[], five: five as unknown as readonly Recorded[] };

function recorded(state: MauticState, name: string): Recorded {
  const found = (isSeven(state) ? files.seven : files.five).find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} was not recorded`);
  return found;
}

/** A recorded page, to be changed and sent. */
export function recordedPage(state: MauticState, name: string): CheerioAPI {
  const body = recorded(state, name).response?.body;
  return load(typeof body === 'string' ? body : '');
}

/** What a browser sent. */
export function recordedForm(state: MauticState, name: string): Pairs {
  return recorded(state, name).request?.form ?? [];
}
