/** The manual page, credsetup(1), made from the description of the command line. */

/** Text as roff takes it (groff_man(7)): no line begins with a control character, and a dash is one that can be copied. */
const roff = (text) => text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^(['.])/gm, '\\&$1');

const optionLines = ({ flags, help }) => ['.TP', `.B ${roff(flags)}`, roff(help)];

const commandLines = ({ name, arguments: words = '', summary, notes = [] }, options) => [
  `.SS ${roff(`credsetup ${name} ${words}`.trim())}`, roff(summary[0].toUpperCase() + summary.slice(1) + '.'),
  ...options.flatMap(optionLines), ...notes.flatMap((note) => ['.PP', roff(note)]),
];

/**
 * @param catalog the module src/commands/catalog.ts
 * @param about the package's version and description
 */
export function manual({ commands, everywhere, optionsOf }, { version, description }) {
  const common = new Set(Object.values(everywhere).map(({ flags }) => flags));
  const own = (command) => optionsOf(command).filter(({ flags }) => flags !== '' && !common.has(flags));
  return [
    `.TH CREDSETUP 1 "" "credsetup ${roff(version)}" "User Commands"`,
    '.SH NAME', `credsetup \\- ${roff(description)}`,
    '.SH SYNOPSIS', '.B credsetup', '[options] [command]',
    '.SH DESCRIPTION', 'On a terminal, credsetup asks for what it needs. In scripts give options and variables; no option takes a secret.',
    'Each error names its code, and', '.B credsetup help CODE', 'says what is behind it.',
    '.SH OPTIONS', 'Every command takes these.', ...Object.values(everywhere).flatMap(optionLines),
    '.SH COMMANDS', ...commands.flatMap((command) => commandLines(command, own(command))),
  ].join('\n') + '\n';
}
