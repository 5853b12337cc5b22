/**
 * `export --format kubernetes`: one Secret a credential, with the names of variables as keys, so
 * that `envFrom` sets them. `data` (base64) and not `stringData`: it survives every character
 * whatever the reader's version of YAML makes of it.
 */
import { createHash } from 'node:crypto';
import { secretsNotice, type Exporter, type ExportItem } from './export.ts';
import { variablesOf } from './variables.ts';

/** YAML documents, divided by `---`. */
export const toKubernetes: Exporter = (items, { prefix }) => items.map((item) => manifest(item, prefix)).join('---\n');

/**
 * What is written is quoted as JSON, which YAML reads as the same (YAML 1.2.2 §1.3), for "true" and
 * "1e10" are base64 too; all but the values is letters, digits, dots and dashes. No library is
 * loaded for that.
 */
function manifest(item: ExportItem, prefix: string | undefined): string {
  const { name, service } = item.full.credential;
  const data = variablesOf(item, prefix).map(([variable, value]) => `  ${variable}: ${JSON.stringify(Buffer.from(value, 'utf8').toString('base64'))}`);
  return [
    `# ${secretsNotice}`, '# base64 hides nothing. Apply it with: kubectl apply -f FILE',
    'apiVersion: "v1"', 'kind: "Secret"', 'metadata:',
    `  name: ${JSON.stringify(secretName(name))}`,
    '  labels:', '    app.kubernetes.io/managed-by: "credsetup"', `    app.kubernetes.io/component: ${JSON.stringify(service)}`,
    'type: "Opaque"', 'data:', ...data, '',
  ].join('\n');
}

/** RFC 1123, as Kubernetes reads it: parts of lower-case letters, digits and dashes, divided by dots. */
const subdomain = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/**
 * A Secret's name for a credential's. Names that differ make names that differ: what had to be
 * changed has 8 hex digits of its SHA-256 behind it.
 */
export function secretName(name: string): string {
  const lower = name.toLowerCase();
  if (subdomain.test(lower)) return lower;
  const parts = lower.split('.').map((part) => part.replaceAll('_', '-').replace(/^-+|(?<!-)-+$/g, '')).filter((part) => part !== '');
  return [...parts, createHash('sha256').update(lower).digest('hex').slice(0, 8)].join('-');
}
