/** What became of one name, and of its copies. */
import type { Credential, Warning } from '../credential.ts';
import type { CredsetupError } from '../errors.ts';
import type { InN8nResult } from './copies/prove.ts';

/** What became of a copy that a list asks for. */
export interface Copied {
  /** The n8n as the list names it. */
  readonly target: string;
  readonly url: string;
  readonly status: 'created' | 'replaced' | 'unchanged' | 'failed';
  readonly error?: CredsetupError;
}

/** What became of one name. */
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
  readonly push?: readonly Copied[];
}
