/** Signs of ours, and words in their place where they cannot be shown or would not be read out. */

/** Whether this terminal shows more than ASCII. */
export function showsGlyphs(env: Readonly<Record<string, string | undefined>>, system: NodeJS.Platform): boolean {
  const value = (name: string): string => env[name] ?? '';
  // The Linux console has 256 or 512 signs, and ours are not among them.
  if (['linux', 'dumb'].includes(value('TERM'))) return false;
  if (system === 'win32') return ['WT_SESSION', 'TERM_PROGRAM', 'TERM'].some((name) => value(name) !== '');
  // The first of these that is set and not empty counts (POSIX, 8.2); without any it is the C locale, save on a Mac.
  const locale = ['LC_ALL', 'LC_CTYPE', 'LANG'].map(value).find((one) => one !== '');
  return locale === undefined ? system === 'darwin' : /utf-?8/i.test(locale);
}

/** Plain mode was asked for, or the terminal can do no more. */
export function isPlainMode({ option, env }: { readonly option: boolean; readonly env: Readonly<Record<string, string | undefined>> }): boolean {
  const { CREDSETUP_PLAIN: variable = '', TERM: term } = env;
  return option || term === 'dumb' || !['', '0', 'false'].includes(variable.toLowerCase());
}

const words: Readonly<Record<string, string>> = {
  '✔': '[ok]', '✖': '[no]', '❯': '>', '•': '*', '·': '|', '…': '...', '→': '->', '─': '-', '—': '-', '–': '-', '×': 'x', '’': '\'', '“': '"', '”': '"',
};
const signs = new RegExp(`[${Object.keys(words).join('')}]`, 'gu');
const paint = String.raw`(?:\u001b\[[\d;]*m)*`;
const failed = new RegExp(`^( *${paint})✖(${paint} )`, 'gmu');
const warned = /^( *)! /gm;

/** The text in ASCII but for what are names and letters. */
export function inAscii(text: string): string {
  return text.replace(failed, '$1Error:$2').replace(signs, (sign) => words[sign] ?? sign);
}

/** As `inAscii`, for reading out: a mark that is no word becomes one. */
export function inWords(text: string): string {
  return inAscii(text).replace(warned, '$1Warning: ');
}
