/**
 * The only web page of this product: what a browser shows at the end of a sign-in, or when it
 * brings something that is not wanted. No scripts, no images, nothing loaded from anywhere.
 */
import { createHash } from 'node:crypto';

export interface Page {
  /** Said by a shape and by the heading's words, never by colour alone. */
  readonly tone: 'done' | 'failed' | 'notice';
  /** The one heading, and the first words of the title. */
  readonly heading: string;
  /** Paragraphs of plain text; escaped here. */
  readonly text: readonly string[];
}

/** How a sign-in ended, as the page says it. */
export type Outcome = { readonly ok: true } | { readonly ok: false; readonly message: string };

const goBack = 'You can close this tab and go back to the terminal.';

/** The page of an accepted callback. `refused`: the service sent an error instead of a code. */
export function outcomePage(outcome: Outcome): Page {
  if (outcome.ok) return { tone: 'done', heading: 'Signed in', text: [goBack] };
  return { tone: 'failed', heading: 'Not signed in', text: [outcome.message, 'The terminal says what to do next. You can close this tab.'] };
}

const style = `
:root { color-scheme: light dark; --page: #f5f6f8; --card: #fff; --line: #e0e3e9; --text: #1b1f27; --quiet: #586173; --done: #0f7a43; --failed: #b3261e; --notice: #8a5a00; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12151b; --card: #1b2029; --line: #303745; --text: #edf0f5; --quiet: #a6b0c1; --done: #5fd497; --failed: #ff9a90; --notice: #f2c266; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; padding: 24px; display: flex; align-items: center; justify-content: center; background: var(--page); color: var(--text); font: 17px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif; }
main { width: 100%; max-width: 480px; padding: 40px 36px 32px; background: var(--card); border: 1px solid var(--line); border-radius: 16px; text-align: center; }
svg { display: block; width: 56px; height: 56px; margin: 0 auto 20px; fill: none; stroke: currentColor; stroke-width: 3.5; stroke-linecap: round; stroke-linejoin: round; }
.done svg { color: var(--done); }
.failed svg { color: var(--failed); }
.notice svg { color: var(--notice); }
h1, p { text-wrap: balance; }
h1 { margin: 0 0 10px; font-size: 27px; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; }
p { margin: 0 0 10px; overflow-wrap: anywhere; }
@media (max-width: 420px) { body { padding: 12px; } main { padding: 28px 20px 22px; } h1 { font-size: 24px; } }
footer { margin-top: 26px; padding-top: 16px; border-top: 1px solid var(--line); color: var(--quiet); font-size: 14px; }
`;

// Each shape says it without colour: a tick, a cross, an exclamation mark.
const marks = {
  done: '<circle cx="28" cy="28" r="25"/><path d="M17.5 29l7.5 7.5 14-16"/>',
  failed: '<circle cx="28" cy="28" r="25"/><path d="M20 20l16 16M36 20L20 36"/>',
  notice: '<circle cx="28" cy="28" r="25"/><path d="M28 16v15M28 39v.01"/>',
} as const;

/** `style` is allowed by its hash alone; whatever else a page could load or send is forbidden. */
const contentSecurityPolicy = [
  'default-src \'none\'',
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  'base-uri \'none\'', 'form-action \'none\'', 'frame-ancestors \'none\'',
].join('; ');

/** Of every answer of the redirect server, redirects too. RFC 9700 §4.2.4: the code must not leak by a Referer or a cache. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  // Nothing is kept open: an idle connection would only delay the end.
  'connection': 'close',
};

/** The page as HTML. */
export function renderPage({ tone, heading, text }: Page): string {
  const paragraphs = text.map((paragraph) => `<p>${escaped(paragraph)}</p>`).join('\n');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(heading)} – credsetup</title>
<style>${style}</style>
</head>
<body>
<main class="${tone}">
<svg viewBox="0 0 56 56" aria-hidden="true" focusable="false">${marks[tone]}</svg>
<div role="status">
<h1>${escaped(heading)}</h1>
${paragraphs}
</div>
<footer>credsetup, running on this computer</footer>
</main>
</body>
</html>
`;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\'': '&#39;' };

/** For text and attribute values. Control and bidi characters are left out: they could turn the text around. */
function escaped(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, ' ').replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
