/** Waiting for a key, where instead of it a whole value may be pasted. */
import type { KeyHint, Pasted } from '../context.ts';
import type { OpenEvent } from './input-owner.ts';
import { lengthOf } from './paste.ts';

/** After a character, how many milliseconds the rest of a paste may take that the terminal does not bracket. */
const restWithin = 30;

/** Tells keys from pastes. Each of a paste's letters would else be a key, and its line end would confirm. */
export class KeyWait {
  readonly #keys: readonly KeyHint[];
  readonly #done: (pressed: string | Pasted) => void;
  /** What came since it was quiet; Enter is a line end. */
  #came = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(keys: readonly KeyHint[], done: (pressed: string | Pasted) => void) {
    this.#keys = keys;
    this.#done = done;
  }

  take(event: Exclude<OpenEvent, { readonly kind: 'end' | 'redraw' }>): void {
    if (event.kind === 'paste') {
      if (event.text.trim() !== '') this.#done({ pasted: event.text });
    } else if (event.kind === 'key' && event.name === 'escape') {
      this.#done('back');
    } else if (event.kind === 'text' || event.name === 'enter') {
      this.#came += event.kind === 'text' ? event.text : '\n';
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#judge(), restWithin);
    }
  }

  forget(): void {
    clearTimeout(this.#timer);
  }

  #judge(): void {
    const text = this.#came.trim();
    this.#came = '';
    // A key that is held down comes many times.
    const pressed = new Set(text.toLowerCase()).size > 1 ? undefined : text === '' ? 'enter' : text.slice(0, 1).toLowerCase();
    if (pressed === undefined && lengthOf(text) > 1) this.#done({ pasted: text });
    else if (this.#keys.some(({ key }) => key === pressed)) this.#done(pressed ?? '');
  }
}
