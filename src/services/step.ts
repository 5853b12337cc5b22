/** What a person does in a service's own pages, one thing at a time. */
import type { ErrorCode } from '../errors.ts';
import type { Api } from './api.ts';

/** One thing to do in the service's own pages. */
export interface Step {
  readonly id: string;
  readonly title: string;
  /** The page's address. */
  readonly page: (base: string) => string;
  /** What to do there, in the service's words. */
  readonly instructions: readonly string[];
  /** Asks the server whether the step is done, by one request. Absent: the server does not tell. */
  readonly isDone?: (api: Api) => Promise<boolean>;
  /** What is so once it is done, whoever did it: `The API is on`. Present when `isDone` is, or another way to see it. */
  readonly whenDone?: string;
  /** How a step that is not done is named in a script. Present when `isDone` is. */
  readonly error?: { readonly code: ErrorCode; readonly message: string };
  /** What the person who has the rights is asked to do, and why; `{base}` is the address. Absent: everybody can do the step. */
  readonly adminTask?: string;
  /** Other help that belongs to the step, shown below it; what is copied out of it stands on a line of its own. */
  readonly notes?: readonly (string | { readonly copied: string })[];
}
