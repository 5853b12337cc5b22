/** Which answer belongs to which request: a table of methods and path patterns. */
import type { PracticeRequest, Reply } from './server.ts';

/** What a route's answer is called with beside the request: the parts of the path, and the service's own things. */
export interface Route<Scope, Answer = Reply> {
  readonly method: string;
  /** A part that begins with a colon stands for any one part: `/users/:user/tokens`. */
  readonly path: string;
  readonly answer: (scope: Scope, request: PracticeRequest, parts: Readonly<Record<string, string>>) => Answer;
}

export interface RouteMatch<Scope, Answer = Reply> {
  readonly route: Route<Scope, Answer>;
  readonly parts: Readonly<Record<string, string>>;
}

/** The first route of the table that fits, so that `/users/me` may stand before `/users/:user`. */
export function findRoute<Scope, Answer = Reply>(routes: readonly Route<Scope, Answer>[], method: string, path: string): RouteMatch<Scope, Answer> | undefined {
  const given = path.split('/');
  for (const route of routes) {
    const parts = route.method === method ? partsOf(route.path.split('/'), given) : undefined;
    if (parts !== undefined) return { route, parts };
  }
  return undefined;
}

function partsOf(pattern: readonly string[], given: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== given.length) return undefined;
  const fits = pattern.every((part, index) => part.startsWith(':') ? given[index] !== '' : part === given[index]);
  if (!fits) return undefined;
  return Object.fromEntries(pattern.flatMap((part, index) => part.startsWith(':') ? [[part.slice(1), given[index] ?? '']] : []));
}
