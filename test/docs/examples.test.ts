/** Every example of the docs is run here as it stands, or stands in the table of those that another test runs. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { commands } from '../../src/commands/catalog.ts';
import { expectNoSecret, folder } from '../commands/support.ts';
import { has } from '../tools.ts';
import { blocksOf, pages, type Block } from './pages.ts';
import { stage, type Stage } from './stage.ts';

/** Blocks by their first line that are no script for this stage, with who runs them. */
const runElsewhere: Readonly<Record<string, string>> = {
  'npm ci && npm run demo': 'the whole check (.ci/run), by this very line',
  'npm cit': 'the whole check (.ci/run), by this very line',
  'npm ci && npm pack': 'test/package.test.ts packs and installs; a line for each is held there',
  'credsetup mattermost': 'questions to a person: test/e2e walks both wizards in a terminal',
  'credsetup reconnect crm': 'questions to a person: test/commands/reconnect.test.ts',
  'export BAO_ADDR=http://127.0.0.1:8200': 'settings of a shell',
  'bao policy write credsetup-person person.hcl': 'test/team/policies.test.ts reads the three policies from the page and tries them',
  'export BAO_TOKEN=...                      # the person\'s own': 'test/team/program.test.ts',
  'credsetup edit chat --store vault       # to the team': 'test/team/program.test.ts',
  'docker build -t credsetup .': 'no Docker is here; test/image.test.ts runs the file system that it makes',
  'age -d -i identity.age credentials.age   # with a passphrase; age asks for it': 'test/stores reads the file with age both ways',
};

const { parse: parseLine } = createRequire(import.meta.url)('../../dist/main.cjs') as { parse: (argv: readonly string[], printed: string[]) => unknown };

let here: Stage;
beforeAll(async () => { here = await stage(); }, 60_000);

const shown = pages.flatMap(blocksOf);
const scripts = shown.filter(({ language }) => language === 'sh');
const first = ({ text }: Block): string => text.split('\n')[0] ?? '';

describe('an example for a shell', () => {
  it.each(scripts.filter((block) => !Object.hasOwn(runElsewhere, first(block))).map((block) => [block.page, first(block), block] as const))('of %s runs: %s', async (_, __, { text }) => {
    // Each example begins with an n8n that has nothing yet.
    here.n8n.state.credentials.length = 0;
    const { exitCode, stdout, stderr } = await here.run(text);
    expect(exitCode, stdout + stderr).toBe(0);
    expectNoSecret(stderr, [here.token]);
  });

  it('that is not run here is still there, and each of its commands can be read', () => {
    expect(Object.keys(runElsewhere).filter((line) => !scripts.some((block) => first(block) === line))).toEqual([]);
    const lines = scripts.flatMap(({ text }) => text.split('\n')).filter((line) => line.startsWith('credsetup '));
    expect(lines.length).toBeGreaterThan(15);
    for (const line of lines) {
      const words = line.replace(/ +#.*| \|.*| <.*/g, '').split(' ').slice(1);
      expect(parseLine(words, []), line).toMatchObject({ kind: 'command', command: commands.find(({ name }) => name === words[0])?.name });
    }
  });

  it('pipes what n8n takes: the credential arrives whole', async () => {
    expect((await here.run('credsetup export chat --format n8n | n8n import:credentials --input=/dev/stdin')).stdout).toContain('Successfully imported 1 credential.');
  });
});

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}
interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, { readonly 'runs-on': string; readonly env?: Readonly<Record<string, string>>; readonly steps: readonly Step[] }>>;
}

const yamlOf = (file: string): string => {
  const block = shown.find(({ language, text }) => language === 'yaml' && text.startsWith(`# ${file}\n`));
  if (block === undefined) throw new Error(`no page has ${file}`);
  return block.text;
};

/** Where nothing can be written, there is no terminal, and text is ASCII. */
const bare = { HOME: '/proc/none', CREDSETUP_HOME: undefined, XDG_DATA_HOME: undefined, LANG: 'C', LC_ALL: 'C', CI: 'true' };

/** The log of a step as GitHub shows it. */
function masked(text: string, masks: string[]): string {
  return text.split('\n').filter((line) => {
    if (line.startsWith('::add-mask::')) masks.push(line.slice('::add-mask::'.length));
    return !line.startsWith('::add-mask::');
  }).map((line) => masks.reduce((one, mask) => one.replaceAll(mask, '***'), line)).join('\n');
}

/** Runs a job's steps one after the other as a runner does; its log. */
async function runJob({ env = {}, jobs }: Workflow): Promise<{ readonly log: string; readonly exitCodes: readonly (number | null)[] }> {
  const temp = folder();
  const settings = join(temp, 'env');
  const masks = [here.token];
  if (!existsSync(settings)) writeFileSync(settings, '');
  let cwd: string | undefined;
  const logs: string[] = [];
  const exitCodes: (number | null)[] = [];
  for (const step of Object.values(jobs).flatMap((job) => job.steps).filter(({ run }) => run !== undefined)) {
    const later = Object.fromEntries(readFileSync(settings, 'utf8').split('\n').filter((line) => line !== '').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
    const given = Object.fromEntries(Object.entries(step.env ?? {}).map(([name, value]) => [name, value
      .replace(/\$\{\{ secrets\.MATTERMOST_TOKEN \}\}/, here.token).replace(/\$\{\{ runner\.temp \}\}/, temp).replace('https://vault.example.com:8200', here.bao.url)]));
    const address = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replace('https://vault.example.com:8200', here.bao.url)]));
    const done = await here.run(step.run!, {
      ...(cwd === undefined ? {} : { cwd }),
      env: {
        ...bare, CREDSETUP_STORE: undefined, CREDSETUP_IDENTITY: undefined, GITHUB_ACTIONS: 'true', GITHUB_ENV: settings, RUNNER_TEMP: temp,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner-token', ACTIONS_ID_TOKEN_REQUEST_URL: 'http://runner.invalid/?x=1', ...address, ...later, ...given,
      },
    });
    ({ cwd } = done);
    logs.push(masked(done.stderr, masks), masked(done.stdout, masks));
    exitCodes.push(done.exitCode);
    if (done.exitCode !== 0) break;
  }
  return { log: logs.join(''), exitCodes };
}

describe('a workflow of GitHub Actions in the docs', () => {
  const files = shown.filter(({ language, text }) => language === 'yaml' && text.startsWith('# .github/workflows/')).map((block) => first(block).slice(2));

  it.each(files)('%s has what GitHub wants, and asks a runner only where it is known', (file) => {
    const text = yamlOf(file);
    const { on, jobs, permissions, ...more } = parse(text) as Workflow & Readonly<Record<string, unknown>>;
    expect(Object.keys(on)).not.toEqual([]);
    expect(Object.keys(more).filter((key) => !['name', 'env', 'defaults', 'concurrency'].includes(key))).toEqual([]);
    // `runner` is no context of a workflow's or a job's env.
    expect(JSON.stringify([more, ...Object.values(jobs).map(({ env }) => env ?? {})])).not.toContain('runner.');
    if (text.includes('ACTIONS_ID_TOKEN_REQUEST_TOKEN')) expect(permissions['id-token']).toBe('write');
    for (const { steps } of Object.values(jobs)) {
      for (const step of steps) expect(Number(step.uses !== undefined) + Number(step.run !== undefined)).toBe(1);
    }
    if ('schedule' in on) for (const { cron } of on['schedule'] as readonly { readonly cron: string }[]) expect(cron).toMatch(/^(\*|\d+)( (\*|\d+)){4}$/);
  });

  it.each(files)('%s runs to its end without a terminal, a home or another alphabet than ASCII, and its log shows no secret', async (file) => {
    const { log, exitCodes } = await runJob(parse(yamlOf(file)) as Workflow);
    expect(exitCodes.every((code) => code === 0), log).toBe(true);
    const stored = here.bao.peek('credsetup/chat')!.data['token'] as string;
    expectNoSecret(log, [here.token, stored]);
  });

  it('shows the secret without --github-mask, so the option is what hides it', async () => {
    const workflow = parse(yamlOf('.github/workflows/announce.yml').replaceAll(' --github-mask', '')) as Workflow;
    expect((await runJob(workflow)).log).toContain(here.bao.peek('credsetup/chat')!.data['token'] as string);
  });
});

describe('the file for GitLab CI in the docs', () => {
  interface GitLabJob {
    readonly script: readonly string[];
    readonly variables: Readonly<Record<string, string>>;
  }

  it('runs each of its jobs, and prints no secret of its own', async () => {
    const { default: common, ...jobs } = parse(yamlOf('.gitlab-ci.yml')) as { readonly default: { readonly before_script: readonly string[] } } & Readonly<Record<string, GitLabJob>>;
    expect(Object.keys(jobs)).toEqual(['token', 'announce']);
    for (const { script: lines, variables } of Object.values(jobs)) {
      const { exitCode, stdout, stderr } = await here.run([...common.before_script, ...lines].join('\n').replace('./announce.sh', 'true'), {
        shell: ['sh', '-e', '-c'],
        env: {
          ...bare, CREDSETUP_IDENTITY: undefined, GITLAB_CI: 'true', MATTERMOST_TOKEN: here.token, VAULT_JWT: 'eyJ.of.gitlab',
          ...variables, BAO_ADDR: variables['BAO_ADDR'] === undefined ? undefined : here.bao.url,
        },
      });
      expect(exitCode, stdout + stderr).toBe(0);
      expectNoSecret(stdout + stderr, [here.token]);
    }
  });
});

describe('the page about stores and teams', () => {
  const its = shown.filter(({ page }) => page === 'docs/stores-and-teams.md');
  const inTeam = { CREDSETUP_STORE: 'vault' };
  const withToken = (): Readonly<Record<string, string | undefined>> => ({ ...inTeam, BAO_ADDR: here.bao.url, BAO_TOKEN: here.bao.rootToken });

  it('has a job for GitHub Actions that signs in by its own token, and prints no secret', async () => {
    const { steps, permissions } = parse(its.find(({ language }) => language === 'yaml')!.text) as Workflow['jobs'][string] & Pick<Workflow, 'permissions'>;
    expect(permissions['id-token']).toBe('write');
    const { log, exitCodes: ended } = await runJob({ on: {}, permissions, jobs: { job: { 'runs-on': '', steps } } });
    expect(ended, log).toEqual([0, 0]);
    expectNoSecret(log, [here.token]);
  });

  it('shows what credsetup says there', async () => {
    const said = its.filter(({ language }) => language === '').map(({ text }) => text.trim());
    const store = await here.run('credsetup store', { env: withToken() });
    const saved = await here.run('credsetup mattermost --url https://chat.example.com --name chat', { env: { ...withToken(), CREDSETUP_TOKEN: here.token } });
    const printed = [store, saved].map(({ stdout, stderr }) => (stdout + stderr).replaceAll(here.bao.url, 'http://127.0.0.1:8200'));
    expect(said).toHaveLength(2);
    expect(`$ credsetup store\n${printed[0]!.trim()}`).toBe(said[0]);
    // The stage has one of that name there already.
    expect(printed[1]!.replace(', in place of the one before', '')).toContain(said[1]);
  });
});

describe('each block of the pages', () => {
  it('is of a kind that is run or read by a test', () => {
    const known = ['sh', 'yaml', 'ini', 'crontab', 'hcl'];
    const others = shown.filter(({ language }) => !known.includes(language));
    expect(others.map(({ page: path, text }) => `${path}: ${text.split('\n')[0]!}`)).toEqual([
      // The README's own two lines; the sketch of the contract; what the team's store says, above.
      'CONTRIBUTING.md: npm ci && npm run demo', expect.stringMatching(/^docs\/cli\.md: \? Mautic address/),
      'docs/stores-and-teams.md: $ credsetup store', expect.stringMatching(/^docs\/stores-and-teams\.md: ✔ Saved as chat/),
    ]);
    expect(shown.filter(({ language, text }) => language === 'yaml' && !/^# \.(github|gitlab)/.test(text)).map(({ page: path }) => path)).toEqual(['docs/stores-and-teams.md']);
  });
});

describe('what keeps Mautic\'s fourteen days from ending', () => {
  const unit = (file: string): string => shown.find(({ language, text }) => language === 'ini' && text.startsWith(`# ${file}\n`))!.text;

  it('is a service that renews, with the identity that it names', async () => {
    const lines = unit('credsetup-refresh.service').split('\n');
    const [command = ''] = lines.filter((line) => line.startsWith('ExecStart=')).map((line) => line.slice('ExecStart='.length));
    const [variable = ''] = lines.filter((line) => line.startsWith('Environment=')).map((line) => line.slice('Environment='.length));
    const home = folder();
    mkdirSync(join(home, '.config', 'credsetup'), { recursive: true });
    const key = join(home, '.config', 'credsetup', 'key.txt');
    const { exitCode, stdout, stderr } = await here.run(`cp key.txt "${key}"; env ${variable.replace('%h', home)} ${command.replace('/usr/local/bin/', '')} --json`, { env: { CREDSETUP_IDENTITY: undefined } });
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ results: [{ name: 'chat', status: 'skipped' }, { name: 'crm', status: 'skipped', reason: expect.stringContaining('renewed') }] });
  });

  it.skipIf(!has('systemd-analyze'))('is a timer and a service that systemd reads without a complaint', () => {
    const cwd = folder();
    const service = unit('credsetup-refresh.service').replace('/usr/local/bin/credsetup', '/bin/true');
    writeFileSync(join(cwd, 'credsetup-refresh.service'), service);
    writeFileSync(join(cwd, 'credsetup-refresh.timer'), unit('credsetup-refresh.timer'));
    const verify = (): string => {
      const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', './credsetup-refresh.timer', './credsetup-refresh.service'], { cwd, encoding: 'utf8' });
      return (stdout + stderr).split('\n').filter((line) => line.includes('credsetup-refresh')).join('\n');
    };
    expect(verify()).toBe('');
    appendFileSync(join(cwd, 'credsetup-refresh.timer'), '[Timer]\nOnCalendar=sometimes\n');
    expect(verify()).toMatch(/calendar/i);
  });

  it('is a line of cron whose command runs with what cron gives it', async () => {
    const [path = '', line = ''] = shown.find(({ language }) => language === 'crontab')!.text.trim().split('\n');
    const [, when = '', command = ''] = /^((?:\S+ ){5})(.*)$/.exec(line) ?? [];
    expect(path).toMatch(/^PATH=\/usr\/local\/bin:/);
    expect(when).toBe('17 6 * * * ');
    // Cron makes a line end of it.
    expect(command).not.toContain('%');
    const home = folder();
    const { exitCode, stdout, stderr } = await here.run(`mkdir -p "$HOME/.config/credsetup"; cp key.txt "$HOME/.config/credsetup/key.txt"; ${command}`, {
      shell: ['/bin/sh', '-c'], env: { HOME: home, CREDSETUP_IDENTITY: undefined, LANG: undefined },
    });
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });
});
