/**
 * `export --format docker-env`: what `docker run --env-file` and podman's read. They take a line as
 * it stands, up to its end: quotes and backslashes are a part of the value there, and what has a
 * line end in it cannot be written at all. (`env_file` of compose reads dotenv.)
 */
import { CredsetupError } from '../errors.ts';
import { secretsNotice, type Exporter } from './export.ts';
import { variablesOf } from './variables.ts';

/** One `NAME=value` a line. Throws UNSUPPORTED for a value with a line end. */
export const toDockerEnv: Exporter = (items, { prefix }) => [
  `# ${secretsNotice}`,
  ...items.flatMap((item) => {
    const { name } = item.full.credential;
    return [`# ${name}`, ...variablesOf(item, prefix).map(([variable, value]) => `${variable}=${oneLine(value, variable, name)}`)];
  }),
].join('\n') + '\n';

function oneLine(value: string, variable: string, name: string): string {
  if (!/[\r\n]/.test(value)) return value;
  throw new CredsetupError('UNSUPPORTED', `${variable} of ${name} holds a line end, which an environment file of Docker cannot carry; nothing was written.`, {
    name, hint: 'Use --format json, shell or kubernetes, which carry every character.',
  });
}
