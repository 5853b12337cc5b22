/** Ways to write credentials out: pure functions from credentials to text. */
import { toDockerEnv } from './docker-env.ts';
import { toDotenv } from './dotenv.ts';
import type { Exporter, Remarks } from './export.ts';
import type { ExportFormat } from './formats.ts';
import { toJson } from './json.ts';
import { n8nRemarks, toN8n } from './n8n.ts';
import { overwritesRemarks, toN8nOverwrites } from './n8n-overwrites.ts';
import { toShell } from './shell.ts';

export interface Format {
  /** Loaded when it is used: YAML costs start-up time. */
  readonly load: () => Promise<Exporter>;
  /** Whether it names variables, which `--prefix` changes. */
  readonly hasVariables: boolean;
  /** Whether all credentials share one set of variables. */
  readonly sharesVariables: boolean;
  readonly remarks?: Remarks;
}

export const exportFormats: Readonly<Record<ExportFormat, Format>> = {
  json: { load: () => Promise.resolve(toJson), hasVariables: false, sharesVariables: false },
  n8n: { load: () => Promise.resolve(toN8n), hasVariables: false, sharesVariables: false, remarks: n8nRemarks },
  'n8n-overwrites': { load: () => Promise.resolve(toN8nOverwrites), hasVariables: false, sharesVariables: false, remarks: overwritesRemarks },
  dotenv: { load: () => Promise.resolve(toDotenv), hasVariables: true, sharesVariables: true },
  'docker-env': { load: () => Promise.resolve(toDockerEnv), hasVariables: true, sharesVariables: true },
  shell: { load: () => Promise.resolve(toShell), hasVariables: true, sharesVariables: true },
  // Each credential is a Secret of its own.
  kubernetes: { load: async () => (await import('./kubernetes.ts')).toKubernetes, hasVariables: true, sharesVariables: false },
};

/** Whether a word names a format. */
export function isExportFormat(word: string): word is ExportFormat {
  return Object.hasOwn(exportFormats, word);
}
