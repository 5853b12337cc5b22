/** A store in an OpenBao as the wiring makes it, with the real HTTP client. */
import { readFile } from 'node:fs/promises';
import type { HttpClient } from '../../src/context.ts';
import { createHttpClient } from '../../src/http/client.ts';
import { OpenBaoStore } from '../../src/stores/openbao/store.ts';
import type { Env } from '../../src/stores/openbao/settings.ts';

export interface OpenBaoTestOptions {
  readonly tokenFile?: string;
  readonly protect?: (secret: string) => void;
  readonly debug?: (line: string) => void;
}

export function openBaoStore(env: Env, { tokenFile, protect = () => undefined, debug = () => undefined }: OpenBaoTestOptions = {}): OpenBaoStore {
  let client: HttpClient | undefined;
  return new OpenBaoStore({
    env, tokenFile, protect, readFile: async (path) => await readFile(path, 'utf8'),
    http: async () => (client ??= createHttpClient({ env: {}, signal: new AbortController().signal, debug, protect })),
  });
}
