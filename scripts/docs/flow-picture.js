/** What goes where: a diagram by hand. A line that carries a secret is drawn thick and in the secret's colour. */
import { sans, themes } from './colors.js';

const size = { width: 880, height: 470 };

export function flowPicture(theme) {
  const colors = themes[theme];
  const place = (x, y, width, height, title, lines = []) => `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8" fill="${colors.page}" stroke="${colors.line}" stroke-width="1.5"/>
<text x="${x + width / 2}" y="${y + 27}" text-anchor="middle" font-size="16" font-weight="600">${title}</text>
${lines.map((line, index) => `<text x="${x + width / 2}" y="${y + 47 + index * 17}" text-anchor="middle" font-size="13" fill="${colors.quiet}">${line}</text>`).join('\n')}`;
  const open = (path) => `<path d="${path}" fill="none" stroke="${colors.quiet}" stroke-width="1.5" stroke-dasharray="5 4" marker-end="url(#open)"/>`;
  const secret = (path) => `<path d="${path}" fill="none" stroke="${colors.secret}" stroke-width="2.5" marker-end="url(#secret)"/>`;
  const words = (x, y, lines, anchor = 'middle') => lines.map((line, index) => `<text x="${x}" y="${y + index * 17}" text-anchor="${anchor}" font-size="13">${line}</text>`).join('\n');
  const head = (id, color) => `<marker id="${id}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="${color}"/></marker>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-labelledby="title said">
<title id="title">What goes where</title>
<desc id="said">On this computer, credsetup asks Mautic, Mattermost and n8n and validates with them, keeps the secret in the OS keychain, and pushes it to n8n when told to. For Mautic's OAuth2 you sign in in the browser, on Mautic's own page; the browser brings a code back to 127.0.0.1. n8n then uses the credential with Mautic and Mattermost by itself.</desc>
<defs>${head('open', colors.quiet)}${head('secret', colors.secret)}</defs>
<rect x="0.5" y="0.5" width="${size.width - 1}" height="${size.height - 1}" rx="10" fill="${colors.panel}" stroke="${colors.line}"/>
<g font-family="${sans}" fill="${colors.text}">
<rect x="24" y="24" width="310" height="364" rx="10" fill="none" stroke="${colors.quiet}" stroke-dasharray="2 4"/>
<text x="40" y="48" font-size="14" fill="${colors.quiet}">This computer</text>
${place(44, 64, 234, 58, 'Browser', ['you sign in, on Mautic\'s own page'])}
${place(44, 184, 234, 60, 'credsetup', ['asks, validates, keeps'])}
${place(44, 312, 234, 60, 'OS keychain', ['or encrypted file, or team\'s vault'])}
${place(640, 64, 190, 58, 'Mautic', ['your server'])}
${place(640, 184, 190, 60, 'Mattermost', ['your server'])}
${place(640, 312, 190, 60, 'n8n', ['your n8n, anywhere'])}
${open('M278 84H640')}
${words(478, 76, ['OAuth2: sign in and allow'])}
${open('M84 122V184')}
${words(94, 158, ['a code, to 127.0.0.1'], 'start')}
${secret('M278 198H540V108H640')}
${secret('M278 214H640')}
${words(440, 190, ['what is to be validated'])}
${secret('M84 244V312')}
${words(94, 282, ['what was validated'], 'start')}
${secret('M278 230H306V342H640')}
${words(484, 334, ['push: only when you say so'])}
${words(484, 360, ['by n8n\'s API, and tested there'])}
${secret('M735 312V244')}
${secret('M800 312V278H856V93H830')}
${words(725, 282, ['uses it'], 'end')}
<path d="M40 424H76" stroke="${colors.secret}" stroke-width="2.5" marker-end="url(#secret)"/>
${words(88, 428, ['carries a secret: over TLS, checked unless you said otherwise'], 'start')}
<path d="M496 424H532" stroke="${colors.quiet}" stroke-width="1.5" stroke-dasharray="5 4" marker-end="url(#open)"/>
${words(544, 428, ['yours: no password of it passes credsetup'], 'start')}
<text x="40" y="452" font-size="13" fill="${colors.quiet}">Nothing goes anywhere else: no account, no telemetry, no server of ours.</text>
</g>
</svg>
`;
}
