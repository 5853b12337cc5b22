/**
 * Colours for talk.
 *
 * What is said is stripped of every terminal sequence, whoever wrote it, so a paint cannot put
 * one in: it puts marks around the text, with a random word in them that a server cannot know.
 * The sink turns the marks into colours after the rest was made harmless.
 */
import { Chalk } from 'chalk';
import { randomBytes } from 'node:crypto';
import type { Paint, Style } from '../context.ts';
import type { Colors } from './style.ts';

const names = ['bold', 'dim', 'good', 'bad', 'caution', 'accent'] as const;
type Name = (typeof names)[number];

/** The paints. */
export function createColors(): Colors {
  // A level, never chalk's own guess: that looks at standard output, and talk is standard error.
  const chalk = new Chalk({ level: 1 });
  const paint: Style = { bold: chalk.bold, dim: chalk.dim, good: chalk.green, bad: chalk.red, caution: chalk.yellow, accent: chalk.cyan };
  return { paint, ...createMarks(paint) };
}

function createMarks(paint: Style): Pick<Colors, 'style' | 'resolve' | 'strip'> {
  // Characters of the private use area: escaping leaves them, and no text of ours has them.
  const word = Array.from(randomBytes(12), (byte) => String.fromCharCode(0xe100 + byte)).join('');
  const open = (name: Name): string => `${word}${String.fromCharCode(0xe010 + names.indexOf(name))}`;
  const close = `${word}\ue001`;
  // Also what is left of a mark when somebody cut a painted text.
  const anyMark = /[\ue001-\ue0ff]|[\ue100-\ue1ff]+/g;
  // Innermost first: chalk takes care of a paint within a paint.
  const innermost = new RegExp(`${word}([\ue010-\ue01f])((?:(?!${word})[^])*)${close}`, 'g');

  const mark = (name: Name): Paint => (text) => `${open(name)}${text}${close}`;
  const resolve = (text: string): string => {
    const painted = text.replace(innermost, (_, letter: string, inner: string) => {
      const name = names[letter.charCodeAt(0) - 0xe010];
      return name === undefined ? inner : paint[name](inner);
    });
    return painted === text ? text.replace(anyMark, '') : resolve(painted);
  };
  return {
    style: { bold: mark('bold'), dim: mark('dim'), good: mark('good'), bad: mark('bad'), caution: mark('caution'), accent: mark('accent') },
    resolve,
    strip: (text) => text.replace(anyMark, ''),
  };
}
