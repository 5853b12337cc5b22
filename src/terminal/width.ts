/** What a text takes of a line. */

const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** How many columns a text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += /\p{M}/u.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}

/** The text in one line of at most so many columns: a longer one would leave lines behind at each redraw. */
export function cut(text: string, columns: number): string {
  const line = text.split('\n').map((one) => one.trim()).join(' ');
  if (widthOf(line) <= columns) return line;
  let kept = '';
  for (const character of line) {
    if (widthOf(kept + character) >= columns) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}
