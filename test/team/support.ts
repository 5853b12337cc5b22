/** A team's vault as one machine has it, on a real HTTP client that can be cut off after some requests. */
import { readFile } from 'node:fs/promises';
import { afterEach } from 'vitest';
import type { HttpClient } from '../../src/context.ts';
import { createHttpClient } from '../../src/http/client.ts';
import { startOpenBao, type OpenBaoOptions, type PracticeOpenBao } from '../../src/practice/openbao.ts';
import { OpenBaoStore } from '../../src/stores/openbao/store.ts';
import { TeamVault } from '../../src/team/vault.ts';

const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

export async function openBao(options: OpenBaoOptions = {}): Promise<PracticeOpenBao> {
  const server = await startOpenBao(options);
  endings.push(() => server.close());
  return server;
}

/** A machine: whatever it was told is in `said`. */
export interface Machine {
  readonly vault: TeamVault;
  readonly said: string[];
}

export interface MachineOptions {
  readonly token?: string;
  /** So many requests are answered; what comes after is never sent, as by a process that was killed. */
  readonly requests?: number;
  /** Milliseconds. */
  readonly lease?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export function machineAt(
  server: PracticeOpenBao, { token = server.rootToken, requests = Number.POSITIVE_INFINITY, lease = 20_000, env = {} }: MachineOptions = {},
): Machine {
  const { signal } = new AbortController();
  const client = createHttpClient({ env: {}, signal, debug: () => undefined, protect: () => undefined });
  endings.push(() => client.close());
  let left = requests;
  const http: HttpClient = {
    send: async (request, connection) => {
      left -= 1;
      return left < 0 ? await new Promise<never>(() => undefined) : await client.send(request, connection);
    },
    close: () => client.close(),
  };
  const said: string[] = [];
  const store = new OpenBaoStore({
    env: { BAO_ADDR: server.url, BAO_TOKEN: token, ...env }, tokenFile: undefined, protect: () => undefined,
    readFile: async (path) => await readFile(path, 'utf8'), http: async () => http,
  });
  const vault = new TeamVault({ store, signal, warn: (sentence) => { said.push(sentence); }, times: { lease, look: 20 } });
  endings.push(() => vault.close());
  return { vault, said };
}
