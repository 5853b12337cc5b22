/** A value that a service's method needs, described once for options, variables, questions and help. No imports: the entry reads this. */

/** A value that a person, an option or a variable gives. */
export interface Field {
  readonly key: string;
  /** The service's own label. */
  readonly label: string;
  readonly secret: boolean;
  /** The option that holds the value, or for a secret the one that names a file. */
  readonly option: string;
  /** For secrets: the option that says that standard input holds it. */
  readonly stdinOption?: string;
  /** What follows `CREDSETUP_<SERVICE>_` and `CREDSETUP_`. */
  readonly variable: string;
  /** A line of help at the question and in the help text. */
  readonly help: string;
  /** Characters at most. */
  readonly maxLength: number;
  /** A service's value may hold spaces inside (a password), or never does (a token). */
  readonly spaces: 'allowed' | 'never';
  /**
   * What people put around such a value, beside quotes and its label: an `@` before a name, spaces
   * between groups of digits. 'kept': nothing is taken off, for it is a sentence.
   */
  readonly around?: 'at-sign' | 'groups' | 'kept';
  /** Public, and as random as a secret: an id. */
  readonly random?: true;
  /** What every such value is like: what is not is never sent. `is` completes "It has 25 characters; ..." */
  readonly shape?: { readonly pattern: RegExp; readonly length: number; readonly is: string };
}

/** A label such as `--url` and a variable such as `CREDSETUP_MATTERMOST_URL`. */
export function variableName(service: string, field: Field): string {
  return `CREDSETUP_${service.toUpperCase()}_${field.variable}`;
}

/** The variable without the service's word. */
export function shortVariableName(field: Field): string {
  return `CREDSETUP_${field.variable}`;
}
