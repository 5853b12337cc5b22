/**
 * A secret where none belongs, told by its form alone: `--url "$TOKEN"`, `--name "$TOKEN"`. What is
 * no secret's place is printed, stored and seen in every process list, so it is refused there and
 * repeated nowhere.
 */
import { CredsetupError } from '../errors.ts';
import { variableName } from './field.ts';
import { serviceLines } from './map.ts';

/** What a text looks like, and where such a secret is given. */
export interface Lookalike {
  readonly what: string;
  readonly belongs?: string;
}

const general: readonly (readonly [pattern: RegExp, found: Lookalike])[] = [
  [/^AGE-SECRET-KEY-/i, { what: 'an age identity', belongs: 'CREDSETUP_IDENTITY_FILE' }],
  [/^eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}$/, { what: 'a signed token (JWT), as API keys are' }],
  [/^(?:hv[sbr]|[sbr])\.[\w-]{20,}$/, { what: 'a token of OpenBao or Vault', belongs: 'BAO_TOKEN' }],
  [/^[A-Za-z0-9_]{40,}$/, { what: 'a client\'s secret or a key' }],
];

/**
 * Letters alone, or with a number behind them, are a name; what is made at random has digits, one
 * among its letters or, in one of a thousand tokens without any, consonants that no word has in a row.
 * One letter again and again is none of that.
 */
const random = /\d\D*\d|\d[a-z]|(?!(.)\1{5})[bcdfghjklmnpqrstvwxz]{6}/i;

/** What secret a whole text looks like; undefined for everything that could be something else. */
export function secretLookalike(text: string): Lookalike | undefined {
  // Longer than any; and a address of nothing but a secret is one.
  if (text.length > 4096 || !random.test(text)) return undefined;
  const bare = text.trim().replace(/^https?:\/\//i, '').replace(/\/$/, '');
  for (const { id, title, fields } of serviceLines) {
    const field = fields.find(({ secret, shape }) => secret && shape?.pattern.test(bare) === true);
    if (field !== undefined) return { what: `${title}'s ${field.label}`, belongs: `${field.option} or ${variableName(id, field)}` };
  }
  return general.find(([pattern]) => pattern.test(bare))?.[1];
}

/** INPUT_INVALID: `place` (`--url`, "The name") was given what looks like a secret. */
export function misplacedSecret(place: string, { what, belongs }: Lookalike): CredsetupError {
  return new CredsetupError('INPUT_INVALID', `${place} was given what looks like a secret (${what}); it was not used, and is not repeated.`, {
    hint: `Every process list showed it: make a new one, and give it by ${belongs ?? 'a variable, a file or standard input'}. If it is none, another value that looks less like one is needed there.`,
  });
}
