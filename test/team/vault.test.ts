/** A team's vault in a key/value engine: many people at once, and runs that are killed between any two requests. */
import { describe, expect, it } from 'vitest';
import type { FullCredential } from '../../src/context.ts';
import type { PracticeOpenBao } from '../../src/practice/openbao.ts';
import { credentialNamed, failure } from '../stores/support.ts';
import { machineAt, openBao, type Machine } from './support.ts';

const chat = (token: string, change: Partial<FullCredential['credential']> = {}): FullCredential => credentialNamed('chat', token, { store: 'vault', ...change });
const always = (): boolean => true;

/** Versions of a secret that can still be read, with what is in them. */
function readable(server: PracticeOpenBao, path = 'credsetup/chat'): string[] {
  return [...server.state.mounts[0]!.secrets.get(path)?.versions.values() ?? []].flatMap(({ data }) => (data === null ? [] : [JSON.stringify(data)]));
}

function version(server: PracticeOpenBao, path = 'credsetup/chat') {
  const secret = server.state.mounts[0]!.secrets.get(path)!;
  return secret.versions.get(secret.currentVersion)!;
}

/** A refresh as `fresh` does it: load, prove the right to write, spend, save. */
async function refresh({ vault }: Machine, spend: (old: string) => Promise<string>, name = 'chat'): Promise<string> {
  const seen = await vault.load(name);
  return await vault.withRefreshLock(seen.credential, async (proveWrite) => {
    const there = await vault.load(name);
    if (there.secrets['token'] !== seen.secrets['token']) return there.secrets['token']!;
    await proveWrite();
    const token = await spend(there.secrets['token']!);
    await vault.save({ ...there, secrets: { ...there.secrets, token } }, ({ id }) => id === there.credential.id);
    return token;
  });
}

describe('what lies in the engine', () => {
  it('is read by people and programs by name, without what is good for one use', async () => {
    const server = await openBao();
    await machineAt(server).vault.save({ ...chat('geheim-1'), secrets: { token: 'geheim-1', refreshToken: 'once-1' } }, always);
    const { data, customMetadata } = server.peek('credsetup/chat')!;
    expect(data).toMatchObject({ token: 'geheim-1', url: 'https://chat.example.com', username: 'ada' });
    expect(data).not.toHaveProperty('refreshToken');
    expect(customMetadata).toMatchObject({ name: 'chat', service: 'mattermost', url: 'https://chat.example.com' });
    expect(JSON.stringify(customMetadata)).not.toMatch(/geheim-1|once-1/);
  });

  it('is listed with no secret read, in one request, and name by name where the engine has it not', async () => {
    const server = await openBao();
    const one = machineAt(server).vault;
    for (const name of ['chat', 'Beta', 'alpha']) await one.save(credentialNamed(name, `token-of-${name}`, { id: `id-${name}`, store: 'vault' }), always);
    const listed = async (): Promise<readonly string[]> => {
      server.log.length = 0;
      const names = (await machineAt(server).vault.list()).map(({ name }) => name);
      expect(server.log.filter(({ path }) => path.includes('/data/'))).toEqual([]);
      return names;
    };
    expect(await listed()).toEqual(['alpha', 'Beta', 'chat']);
    expect(server.log.length).toBe(2);
    server.state.mounts[0]!.detailed = false;
    expect(await listed()).toEqual(['alpha', 'Beta', 'chat']);
  });

  it('describes what is long or foreign in pieces that the engine takes, and keeps what the team put beside', async () => {
    const server = await openBao();
    const warnings = Array.from({ length: 20 }, (_, at) => ({ code: 'LONG', message: `${at} ä 👋 " \n`.repeat(10) }));
    const { vault } = machineAt(server);
    await vault.save(chat('one', { warnings }), always);
    const secret = server.state.mounts[0]!.secrets.get('credsetup/chat')!;
    secret.customMetadata = { ...secret.customMetadata, owner: 'crew' };
    version(server).data = { ...version(server).data, note: 'ask Ada' };
    await vault.update('chat', (there) => ({ ...there, validatedAt: '2026-03-02T00:00:00Z' }));
    expect(server.peek('credsetup/chat')).toMatchObject({ data: { note: 'ask Ada' }, customMetadata: { owner: 'crew', validatedAt: '2026-03-02T00:00:00Z' } });
    expect((await vault.list())[0]?.warnings).toEqual(warnings);
  });

  it('goes by a name whatever its case, and never replaces what is not ours', async () => {
    const server = await openBao();
    const { vault } = machineAt(server);
    await vault.save(chat('one', { name: 'Chat' }), always);
    await failure(vault.save(chat('two', { id: 'another', name: 'chat' }), () => false), 'NAME_TAKEN');
    expect((await vault.load('CHAT')).credential.name).toBe('Chat');
    server.state.mounts[0]!.secrets.set('credsetup/theirs', { ...server.state.mounts[0]!.secrets.get('credsetup/chat')!, customMetadata: null, versions: new Map([[1, { createdTime: '2026-03-01T12:00:00Z', deletionTime: '', destroyed: false, data: { password: 'x' } }]]), currentVersion: 1 });
    await failure(vault.save(chat('two', { id: 'another', name: 'theirs' }), always), 'NAME_TAKEN');
    expect((await vault.list()).map(({ name }) => name)).toEqual(['Chat']);
  });
});

describe('a version that was replaced', () => {
  it('is destroyed after a rotation, whoever had left one behind', async () => {
    const server = await openBao();
    const { vault } = machineAt(server);
    await vault.save(chat('old-secret'), always);
    await vault.update('chat', (there) => ({ ...there, validatedAt: '2026-03-02T00:00:00Z' }));
    await vault.load('chat');
    await vault.save(chat('new-secret'), always);
    expect(readable(server).join()).not.toContain('old-secret');
  });

  it('is told to stay readable where the token may not destroy, with the rule to add, and the rotation stands', async () => {
    const server = await openBao();
    await machineAt(server).vault.save(chat('old-secret'), always);
    const token = server.makeToken([{ path: 'secret/data/credsetup/*', capabilities: ['create', 'update', 'read'] }]);
    const one = machineAt(server, { token });
    await one.vault.load('chat');
    await one.vault.save(chat('new-secret', { validatedAt: '2026-03-02T00:00:00Z' }), always);
    expect((await one.vault.load('chat')).secrets['token']).toBe('new-secret');
    expect(one.said.join('\n')).toContain('path "secret/destroy/credsetup/*" { capabilities = ["create", "update"] }');
    expect(one.said.join('\n')).toContain('path "secret/metadata/credsetup/*" { capabilities = ["create", "update"] }');
  });
});

describe('two people at once', () => {
  it('spend one refresh token: one asks, both end with the new one', async () => {
    const server = await openBao();
    await machineAt(server).vault.save(chat('t0'), always);
    const spent: string[] = [];
    const spend = async (old: string): Promise<string> => {
      spent.push(old);
      await new Promise((resolve) => { setTimeout(resolve, 300); });
      return `t${spent.length}`;
    };
    const machines = Array.from({ length: 5 }, () => machineAt(server));
    const tokens = await Promise.all(machines.map((machine) => refresh(machine, spend)));
    expect(spent).toEqual(['t0']);
    expect(tokens).toEqual(['t1', 't1', 't1', 't1', 't1']);
    expect(server.peek('credsetup/chat')!.data).not.toHaveProperty('hold');
    expect(readable(server).join()).not.toContain('t0');
  });

  it('hold the right to write for as long as the work takes, longer than a hold lasts', async () => {
    const server = await openBao();
    await machineAt(server).vault.save(chat('t0'), always);
    const spent: string[] = [];
    const spend = async (old: string): Promise<string> => {
      spent.push(old);
      await new Promise((resolve) => { setTimeout(resolve, 3500); });
      return 't1';
    };
    const [one, other] = await Promise.all([machineAt(server, { lease: 1000 }), machineAt(server, { lease: 1000 })].map((machine) => refresh(machine, spend)));
    expect([spent, one, other]).toEqual([['t0'], 't1', 't1']);
  });

  it('lose neither change when one edits while the other refreshes', async () => {
    const server = await openBao();
    const [one, other] = [machineAt(server), machineAt(server)];
    await one.vault.save(chat('t0'), always);
    const there = await other.vault.load('chat');
    await refresh(one, async () => {
      await other.vault.save({ ...there, credential: { ...there.credential, url: 'https://chat.example.com/folder' } }, always);
      expect(server.peek('credsetup/chat')!.data).toHaveProperty('hold');
      return 't1';
    });
    expect(await one.vault.load('chat')).toMatchObject({ secrets: { token: 't1' }, credential: { url: 'https://chat.example.com/folder' } });
  });

  it('never write an old secret over a new one', async () => {
    const server = await openBao();
    const [one, other] = [machineAt(server), machineAt(server)];
    await one.vault.save(chat('t0'), always);
    const stale = await one.vault.load('chat');
    await other.vault.load('chat');
    await other.vault.save(chat('t1'), always);
    await one.vault.save({ ...stale, credential: { ...stale.credential, validatedAt: '2026-03-05T00:00:00Z' } }, always);
    expect(await other.vault.load('chat')).toMatchObject({ secrets: { token: 't1' }, credential: { validatedAt: '2026-03-05T00:00:00Z' } });
    const [here, there] = [await one.vault.load('chat'), await other.vault.load('chat')];
    await one.vault.save({ ...here, secrets: { token: 'a' } }, always);
    await failure(other.vault.save({ ...there, secrets: { token: 'b' } }, always), 'STORE_BUSY');
    expect((await one.vault.load('chat')).secrets['token']).toBe('a');
  });
});

describe('a write whose answer was lost on the way', () => {
  it('is read back, and stands when it was done', async () => {
    const server = await openBao();
    server.intercept = async (request, answer) => {
      const reply = await answer();
      if (request.method !== 'POST' || !request.path.includes('/data/')) return reply;
      server.intercept = undefined;
      return { ...reply, hangUp: true };
    };
    const { vault } = machineAt(server);
    expect((await vault.save(chat('one'), () => false)).status).toBe('created');
    expect((await vault.load('chat')).secrets['token']).toBe('one');
  });

  it('is told as one of which nobody knows when it cannot be read back', async () => {
    const server = await openBao();
    server.intercept = async (request, answer) => {
      const reply = await answer();
      if (request.method !== 'POST' || !request.path.includes('/data/')) return reply;
      server.intercept = () => ({ status: 200, hangUp: true });
      return { ...reply, hangUp: true };
    };
    const error = await failure(machineAt(server).vault.save(chat('one'), always), 'CONNECTION_LOST');
    expect(error.details.outcomeUnknown).toBe(true);
  });
});

/** Runs it cut off after each number of requests, until it comes to its end. */
async function killedAnywhere(prepare: (server: PracticeOpenBao) => Promise<void>, work: (machine: Machine) => Promise<unknown>, check: (
  server: PracticeOpenBao, finished: boolean,
) => Promise<void>): Promise<number> {
  for (let requests = 0; requests < 60; requests += 1) {
    const server = await openBao();
    await prepare(server);
    const machine = machineAt(server, { requests, lease: 1000 });
    const done = work(machine).then(() => true);
    const finished = await Promise.race([done, new Promise<false>((resolve) => { setTimeout(() => { resolve(false); }, 250); })]);
    machine.vault.close().catch(() => undefined);
    await check(server, finished);
    if (finished) return requests;
  }
  throw new Error('it never came to its end');
}

describe('a run that is killed between any two requests', () => {
  const stored = async (server: PracticeOpenBao): Promise<void> => { await machineAt(server).vault.save(chat('t0'), always); };

  it('leaves a new credential whole or not there, and the same set-up ends it', async () => {
    const most = await killedAnywhere(async () => undefined, async ({ vault }) => vault.save(chat('t0'), always), async (server) => {
      const { vault } = machineAt(server);
      const saved = await vault.save(chat('t0'), ({ id }) => id === chat('t0').credential.id);
      expect(saved.credential.name).toBe('chat');
      expect((await vault.list()).map(({ name }) => name)).toEqual(['chat']);
    });
    expect(most).toBeGreaterThan(4);
  });

  it('leaves the old secret or the new one, listed once', async () => {
    await killedAnywhere(stored, async ({ vault }) => {
      await vault.load('chat');
      await vault.save(chat('t1'), always);
    }, async (server, finished) => {
      const { vault } = machineAt(server);
      expect(['t0', 't1']).toContain((await vault.load('chat')).secrets['token']);
      expect(await vault.list()).toHaveLength(1);
      if (finished) expect(readable(server).join()).not.toContain('"t0"');
    });
  });

  it('blocks no refresh for longer than a hold lasts, and nothing has to be unlocked', async () => {
    let held = 0;
    await killedAnywhere(stored, (machine) => refresh(machine, async () => 't1'), async (server) => {
      if (server.peek('credsetup/chat')!.data['hold'] !== undefined) held += 1;
      const began = performance.now();
      const token = await refresh(machineAt(server, { lease: 1000 }), async (old) => `${old}-next`);
      expect(performance.now() - began).toBeLessThan(6000);
      expect(['t0-next', 't1-next']).toContain(token);
    });
    expect(held).toBeGreaterThan(0);
  });

  it('leaves a renamed credential under one name, and the rename can be done again', async () => {
    await killedAnywhere(stored, ({ vault }) => vault.rename('chat', 'talk'), async (server) => {
      const { vault } = machineAt(server, { lease: 1000 });
      expect(await vault.list()).toHaveLength(1);
      const found = [await vault.find('chat'), await vault.find('talk')].filter((one) => one !== undefined);
      expect(found).toHaveLength(1);
      if (found[0]!.name === 'chat') await vault.rename('chat', 'talk');
      expect((await vault.load('talk')).secrets['token']).toBe('t0');
      expect((await vault.list()).map(({ name }) => name)).toEqual(['talk']);
      expect(await vault.find('chat')).toBeUndefined();
    });
  });

  it('leaves a removed credential whole or gone', async () => {
    await killedAnywhere(stored, ({ vault }) => vault.remove('chat'), async (server, finished) => {
      const there = await machineAt(server).vault.find('chat');
      if (finished) expect(there).toBeUndefined();
    });
  });
});

describe('what somebody did by hand', () => {
  it('is told when a value or the address was changed, before anything is sent, and can be taken away', async () => {
    const server = await openBao();
    const { vault } = machineAt(server);
    await vault.save(chat('t0'), always);
    version(server).data = { ...version(server).data, url: 'https://evil.example' };
    const error = await failure(vault.load('chat'), 'SECRET_ALTERED');
    expect(error.message).toContain('secret/credsetup/chat was changed by hand: url');
    expect(error.hint).toContain('bao kv rollback');
    await vault.remove('chat');
    expect(await vault.find('chat')).toBeUndefined();
  });

  it('is told when the whole secret was written anew, and is replaced when that is asked for', async () => {
    const server = await openBao();
    const { vault } = machineAt(server);
    await vault.save(chat('t0'), always);
    version(server).data = { token: 'typed' };
    await failure(vault.load('chat'), 'SECRET_ALTERED');
    await failure(vault.save(chat('t1'), () => false), 'NAME_TAKEN');
    await vault.save(chat('t1'), always);
    expect((await vault.load('chat')).secrets['token']).toBe('t1');
  });

  it('is told when the record was pointed elsewhere and the flat texts with it', async () => {
    const server = await openBao();
    const { vault } = machineAt(server);
    await vault.save(chat('t0'), always);
    const { record } = version(server).data as { record: string };
    version(server).data = { ...version(server).data, url: 'https://evil.example', record: record.replace('https://chat.example.com', 'https://evil.example') };
    expect((await failure(vault.load('chat'), 'SECRET_ALTERED')).message).toContain('url');
  });

  it('is told when it was deleted, with the way back, and it is listed as such', async () => {
    const server = await openBao();
    const { vault } = machineAt(server);
    await vault.save(chat('t0'), always);
    version(server).deletionTime = '2026-03-01T13:00:00.5Z';
    const error = await failure(vault.load('chat'), 'SECRET_DELETED');
    expect(`${error.message} ${error.hint}`).toContain('bao kv undelete -versions=1 secret/credsetup/chat');
    expect((await vault.list())[0]?.warnings).toMatchObject([{ code: 'SECRET_DELETED' }]);
    expect((await vault.save(chat('t1'), always)).status).toBe('replaced');
    expect((await vault.load('chat')).secrets['token']).toBe('t1');
  });

  it('does not count in the description: what is loaded is what the secret says', async () => {
    const server = await openBao();
    const { vault } = machineAt(server);
    await vault.save(chat('t0'), always);
    const secret = server.state.mounts[0]!.secrets.get('credsetup/chat')!;
    secret.customMetadata = { ...secret.customMetadata, url: 'https://evil.example' };
    expect((await vault.load('chat')).credential.url).toBe('https://chat.example.com');
    expect((await vault.find('chat'))?.url).toBe('https://chat.example.com');
  });
});
