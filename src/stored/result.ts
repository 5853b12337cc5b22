/** What became of one name. */
import type { Credential, Warning } from '../credential.ts';
import type { CredsetupError } from '../errors.ts';
import type { InN8nResult } from './copies/prove.ts';

export interface Result {
  readonly name: string;
  readonly status: 'ok' | 'created' | 'replaced' | 'unchanged' | 'removed' | 'skipped' | 'failed';
  readonly reason?: string;
  readonly durationMs?: number;
  readonly credential?: Credential;
  /** Warnings of it that were said in an earlier run; never a part of what is printed as JSON. */
  readonly known?: readonly Warning[];
  readonly error?: CredsetupError;
  /** What each n8n says of its copy. */
  readonly inN8n?: readonly InN8nResult[];
}
