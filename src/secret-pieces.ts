/**
 * Parts of a secret: half a token is half of what an attacker needs, and a server can give it back
 * cut, as hexadecimal digits or as base64 that lost its beginning.
 */

/** Shorter ones are people's passwords, whose parts are words and names. */
const shortestWhole = 20;
/** Characters in a row that are no coincidence: of the secret itself, of its hex digits, of its base64. */
const sizes = { plain: 8, hex: 16, base64: 11 };

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Finds what stands of long secrets in a text, in time linear in the text. */
export class SecretPieces {
  readonly #plain = new Set<string>();
  readonly #hex = new Set<string>();
  readonly #base64 = new Set<string>();

  add(secret: string): void {
    if (secret.length < shortestWhole) return;
    const bytes = Buffer.from(secret);
    addRuns(this.#plain, secret, sizes.plain);
    addRuns(this.#hex, bytes.toString('hex'), sizes.hex);
    // The bytes can begin at any of three places in a group of base64; what shares a character with a neighbour differs.
    for (const before of [0, 1, 2]) {
      const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64url');
      addRuns(this.#base64, encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6)), sizes.base64);
    }
  }

  find(text: string): readonly Span[] {
    if (this.#plain.size === 0) return [];
    const lower = text.replace(/[A-F]/g, (digit) => digit.toLowerCase());
    const url = text.replaceAll('+', '-').replaceAll('/', '_');
    return [...runsIn(text, this.#plain, sizes.plain), ...runsIn(lower, this.#hex, sizes.hex), ...runsIn(url, this.#base64, sizes.base64)];
  }
}

function addRuns(runs: Set<string>, text: string, size: number): void {
  for (let at = 0; at + size <= text.length; at += 1) runs.add(text.slice(at, at + size));
}

function runsIn(text: string, runs: ReadonlySet<string>, size: number): Span[] {
  const found: Span[] = [];
  for (let start = 0; start + size <= text.length; start += 1) {
    if (runs.has(text.slice(start, start + size))) found.push({ start, end: start + size });
  }
  return found;
}
