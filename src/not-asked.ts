/** Why a person who may well sit there is not asked, and what helps: to "run it on a terminal" is said to nobody who believes to be on one. */

export interface Asking {
  /** False: `--no-input`. */
  readonly input: boolean;
  readonly ci: boolean;
  readonly stdin: boolean;
  readonly stderr: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One sentence; empty where questions are asked. */
export function whyNotAsked({ input, ci, stdin, stderr, env }: Asking): string {
  if (!input) return 'Nothing was asked, for --no-input is given.';
  if (ci) return 'Nothing was asked, for CI is set; where a person sits there, run it with CI= in front.';
  if (stdin && stderr) return '';
  // Git Bash and MSYS2: their window gives a program pipes.
  if (env['MSYSTEM'] !== undefined || env['TERM_PROGRAM'] === 'mintty') return 'Nothing was asked, for this window (mintty) is no terminal to the program: put winpty in front, or use Windows Terminal.';
  if (stdin) return 'Nothing was asked, for standard error, where questions stand, is redirected.';
  return 'Nothing was asked, for standard input is no terminal: a pipe, a file, or docker exec without -t (it needs -it; ssh needs -t).';
}
