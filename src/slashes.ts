/** An address or a path without the slashes at its end. In linear time: each run of slashes is looked at once. */
export function withoutTrailingSlashes(text: string): string {
  return text.replace(/(?<!\/)\/+$/, '');
}
