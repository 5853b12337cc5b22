/** What every exporter is given, and how it finds a credential's values by the service's description. */
import type { FullCredential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import type { Method, ValueSource } from '../services/service.ts';

/** A credential together with how its method describes it to n8n and to programs. */
export interface ExportItem {
  readonly full: FullCredential;
  readonly method: Pick<Method, 'n8n' | 'variables'>;
}

export interface ExportOptions {
  readonly now: Date;
  /** Stands in place of the service's word in the names of variables. */
  readonly prefix?: string | undefined;
  /** Only then a refresh token is written: it lives in one place only. */
  readonly handOver: boolean;
}

/** Credentials to text. Pure. */
export type Exporter = (items: readonly ExportItem[], options: ExportOptions) => string;

/** What is left to do with what was exported, and what it means for who may read it. */
export interface Remark {
  readonly text: string;
  /** Said under --quiet, too. */
  readonly isWarning: boolean;
}

/** @param at the file that it was written to; undefined for standard output */
export type Remarks = (items: readonly ExportItem[], at: { readonly file: string | undefined; readonly handOver: boolean }) => readonly Remark[];

/** The first line of every format that has comments. */
export const secretsNotice = 'This file holds secrets in plain text: whoever reads it can use them. Keep it out of version control and delete it when it was read.';

/** The value that a description names; undefined when this credential has none. */
export function valueOf(from: ValueSource, { credential, secrets }: FullCredential): string | boolean | undefined {
  if (from === 'url') return credential.url;
  if (from === 'ignoreSslIssues') return credential.ignoreSslIssues;
  if ('path' in from) return credential.url + from.path;
  return 'secret' in from ? secrets[from.secret] : credential.fields[from.field];
}

/** Throws SECRET_MISSING: what is written must be whole. */
export function requiredValueOf(from: ValueSource, label: string, full: FullCredential): string | boolean {
  const value = valueOf(from, full);
  if (value !== undefined) return value;
  const { name, service } = full.credential;
  throw new CredsetupError('SECRET_MISSING', `${name} is stored without its ${label}, so nothing was written.`, {
    name, hint: `Set it up again with: credsetup ${service} --name ${name} --replace`,
  });
}
