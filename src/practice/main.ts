/** `npm run practice`: both servers for a person, with the words to type and switches to turn. */
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { carryOut, commandHelp, furnish, status, welcome, type Practice } from './console.ts';
import { startMattermost } from './mattermost.ts';
import { startMautic } from './mautic.ts';

const usage = `Usage: npm run practice -- [options]
  --mautic-version 5|7      default 7
  --mattermost-port PORT    default 18065
  --mautic-port PORT        default 18080
  --fresh                   as newly installed: API, HTTP basic auth and personal access tokens off
`;

const versions: Readonly<Record<string, string>> = { 5: '5.1.0', 7: '7.0.0' };

interface PracticeOptions {
  readonly mauticVersion: string;
  readonly mattermostPort: number;
  readonly mauticPort: number;
  readonly fresh: boolean;
}

/** Throws when the arguments make no sense. */
function parse(args: readonly string[]): PracticeOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'mautic-version': { type: 'string', default: '7' }, 'mattermost-port': { type: 'string', default: '18065' },
      'mautic-port': { type: 'string', default: '18080' }, fresh: { type: 'boolean', default: false },
    },
  });
  const mauticVersion = versions[values['mautic-version']];
  const [mattermostPort = 0, mauticPort = 0] = [values['mattermost-port'], values['mautic-port']].map(Number);
  const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 65_535;
  if (mauticVersion === undefined) throw new Error('--mautic-version is 5 or 7');
  if (!isPort(mattermostPort) || !isPort(mauticPort)) throw new Error('A port is a number up to 65535; 0 takes a free one');
  return { mauticVersion, mattermostPort, mauticPort, fresh: values.fresh };
}

async function start({ mauticVersion, mattermostPort, mauticPort, fresh }: PracticeOptions): Promise<Practice> {
  const mattermost = await startMattermost({ port: mattermostPort, tokensEnabled: !fresh }).catch(portTaken(mattermostPort, '--mattermost-port'));
  mattermost.state.siteUrl = mattermost.url;
  const mautic = await startMautic({ port: mauticPort, version: mauticVersion, apiEnabled: !fresh, basicEnabled: !fresh }).catch(portTaken(mauticPort, '--mautic-port'));
  return furnish(mattermost, mautic);
}

/** Says which option chooses another port; any other fault stays as it is. */
function portTaken(port: number, option: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new Error(`Port ${port} is in use. Choose another: npm run practice -- ${option} ${port + 1}`, { cause: error });
    }
    throw error;
  };
}

/** Reads commands from a terminal until `quit`, Ctrl-C or Ctrl-D; otherwise waits for a signal. */
async function serve(practice: Practice): Promise<void> {
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
    if (!process.stdin.isTTY) return;
    const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: 'practice> ' });
    lines.on('line', (line) => {
      const answer = carryOut(practice, line);
      if (answer === undefined) {
        lines.close();
        return;
      }
      process.stdout.write(answer);
      lines.prompt();
    });
    lines.on('SIGINT', () => lines.close());
    lines.on('close', () => resolve());
    process.stdout.write(commandHelp());
    lines.prompt();
  });
  await asked;
  await Promise.all([practice.mattermost.close(), practice.mautic.close()]);
}

try {
  const practice = await start(parse(process.argv.slice(2)));
  process.stdout.write(`${welcome(practice)}\n${status(practice)}\n`);
  await serve(practice);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  process.exit(2);
}
