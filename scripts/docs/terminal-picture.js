/** What stands in a terminal at the end of a run, as SVG: each cell where the terminal has it. */
import xterm from '@xterm/headless';
import { escaped, monospace, themes } from './colors.js';

const cell = { width: 8.4, height: 19 };
const margin = { x: 18, top: 46, bottom: 18 };

/** A space that no viewer joins with the next one. */
const noBreak = '\u00a0';

export function terminalPicture({ command, columns, rows }, theme) {
  const colors = themes[theme];
  const width = Math.ceil(columns * cell.width + 2 * margin.x);
  const height = margin.top + (rows.length + 1) * cell.height + margin.bottom;
  const first = [{ column: 0, text: '$', dim: true }, { column: 2, text: command, bold: true }];
  const lines = [first, ...rows].map((runs, row) => runs.map((run) => drawn(run, row, colors)).join('')).filter((line) => line !== '');
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(spoken(command, rows))}">
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10" fill="${colors.panel}" stroke="${colors.line}"/>
${[0, 1, 2].map((index) => `<circle cx="${20 + index * 18}" cy="20" r="5.5" fill="${colors.line}"/>`).join('')}
<g font-family="${monospace}" font-size="14" fill="${colors.text}">
${lines.join('\n')}
</g>
</svg>
`;
}

function drawn({ column, text, bold, dim, color }, row, colors) {
  const x = margin.x + column * cell.width;
  const y = margin.top + row * cell.height + 14;
  const fill = color === undefined ? dim ? colors.quiet : undefined : colors.ansi[color] ?? colors.text;
  // The length is given, so that every font keeps the columns.
  return `<text x="${round(x)}" y="${y}" textLength="${round(text.length * cell.width)}" lengthAdjust="spacingAndGlyphs"${fill === undefined ? '' : ` fill="${fill}"`}${bold ? ' font-weight="600"' : ''}>${escaped(text).replaceAll(' ', noBreak)}</text>`;
}

function round(number) {
  return Math.round(number * 10) / 10;
}

function spoken(command, rows) {
  return [`$ ${command}`, ...rows.map((runs) => runs.map(({ text }) => text).join(' ').trim())].filter((line) => line !== '').join('\n');
}

/** The rows of a terminal that was sent this: runs of one look, without what is empty. */
export async function rowsOf(raw, columns) {
  const terminal = new xterm.Terminal({ cols: columns, rows: 200, allowProposedApi: true });
  await new Promise((resolve) => { terminal.write(raw, resolve); });
  const { active } = terminal.buffer;
  const rows = Array.from({ length: active.length }, (_, index) => runsOf(active.getLine(index), columns));
  while (rows.at(-1)?.length === 0) rows.pop();
  return rows;
}

function runsOf(line, columns) {
  const runs = [];
  for (let column = 0; column < columns; column += 1) {
    const at = line.getCell(column);
    const text = at.getChars() === '' ? ' ' : at.getChars();
    const look = { bold: at.isBold() !== 0, dim: at.isDim() !== 0, color: at.isFgDefault() ? undefined : at.getFgColor() };
    const last = runs.at(-1);
    if (last !== undefined && last.bold === look.bold && last.dim === look.dim && last.color === look.color) last.text += text;
    else runs.push({ column, text, ...look });
  }
  return runs.flatMap(({ column, text, ...look }) => {
    const inner = text.trim();
    return inner === '' ? [] : [{ column: column + text.length - text.trimStart().length, text: inner, ...look }];
  });
}
