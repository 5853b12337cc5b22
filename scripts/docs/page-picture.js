/** The page of the redirect server, drawn by whoever shows the picture: its own HTML and style, in a browser's frame. */
import { escaped, sans, themes } from './colors.js';

const size = { width: 720, height: 430, bar: 44 };

export function pagePicture(html, theme) {
  const colors = themes[theme];
  const title = /<title>([^<]*)<\/title>/.exec(html)[1];
  const body = /<body>([^]*)<\/body>/.exec(html)[1].trim().replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ');
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${escaped(`A browser shows: ${readable(body)}`)}">
<defs><clipPath id="window"><rect x="1" y="1" width="${size.width - 2}" height="${size.height - 2}" rx="9"/></clipPath></defs>
<g clip-path="url(#window)">
<rect width="${size.width}" height="${size.bar}" fill="${colors.panel}"/>
${[0, 1, 2].map((index) => `<circle cx="${20 + index * 18}" cy="22" r="5.5" fill="${colors.line}"/>`).join('')}
<rect x="84" y="9" width="${size.width - 104}" height="26" rx="13" fill="${colors.page}" stroke="${colors.line}"/>
<text x="102" y="27" font-family="${sans}" font-size="13" fill="${colors.quiet}">${title}</text>
<foreignObject x="0" y="${size.bar}" width="${size.width}" height="${size.height - size.bar}">
<div xmlns="http://www.w3.org/1999/xhtml" class="page"><style>${styleFor(html, theme)}</style>
${body}
</div>
</foreignObject>
</g>
<rect x="0.5" y="0.5" width="${size.width - 1}" height="${size.height - 1}" rx="10" fill="none" stroke="${colors.line}"/>
</svg>
`;
}

/** The page's style with one of its two looks, and what is said of the window said of the picture's. */
function styleFor(html, theme) {
  const style = /<style>([^]*?)<\/style>/.exec(html)[1];
  const dark = /@media \(prefers-color-scheme: dark\) \{\s*(:root \{[^}]*\})\s*\}/;
  if (!dark.test(style) || !style.includes('body {')) throw new Error('the style of the page is not as this picture knows it');
  return style.replace(dark, theme === 'dark' ? '$1' : '')
    .replace('color-scheme: light dark;', '')
    .replaceAll(':root {', '.page {').replace('body {', '.page {').replace('min-height: 100vh', `height: ${size.height - size.bar}px`)
    .replace(/@media \(max-width[^]*?\} \}/, '')
    // A style in an SVG is the whole picture's.
    .replace(/^(\*|svg|main|h1, p|h1|p|footer) \{/gm, (_, names) => `${names.split(', ').map((name) => (name === '*' ? '.page, .page *' : `.page ${name}`)).join(', ')} {`);
}

function readable(body) {
  return body.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim();
}
