/** What publishes the package: the workflows as GitHub reads them, and the check of tag and changelog. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { folder } from './commands/support.ts';
import { root } from './docs/pages.ts';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly 'continue-on-error'?: boolean;
}
interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly needs?: string;
  readonly environment?: string;
  readonly steps: readonly Step[];
}
interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const names = readdirSync(join(root, '.github/workflows'));
const text = (name: string): string => readFileSync(join(root, '.github/workflows', name), 'utf8');
const workflow = (name: string): Workflow => parse(text(name)) as Workflow;

describe('the workflows', () => {
  it('pin each action by digest, with its version behind it, and one digest for a version', () => {
    const lines = names.flatMap((name) => [...text(name).matchAll(/uses: (.*)$/gm)].map(([, used = '']) => used));
    expect(lines.length).toBeGreaterThan(4);
    expect(lines.filter((line) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))).toEqual([]);
    expect(new Set(lines).size).toBe(new Set(lines.map((line) => line.split('@')[0])).size);
  });

  it('may read the source and nothing else, save the one job that publishes', () => {
    for (const name of names) expect(workflow(name).permissions).toEqual({ contents: 'read' });
    const { jobs } = workflow('release.yml');
    expect(jobs['check']!.permissions).toBeUndefined();
    expect(jobs['publish']).toMatchObject({ permissions: { contents: 'write', 'id-token': 'write' }, needs: 'check', environment: 'npm' });
    expect(jobs['publish']!.steps.filter(({ run = '' }) => run.includes('npm publish')).map(({ run }) => run)).toEqual([expect.stringContaining('--provenance')]);
  });

  it('let macOS and Windows fail in what nobody has seen pass there, and in nothing else', () => {
    const { steps } = workflow('ci.yml').jobs['others']!;
    expect(steps.filter((step) => step['continue-on-error'] === true).map(({ run }) => run)).toEqual(['npm run demo', 'npm test', 'npm run bench']);
  });

  it('are kept up to date: actions, packages and the image\'s base', () => {
    const { updates } = parse(readFileSync(join(root, '.github/dependabot.yml'), 'utf8')) as { readonly updates: readonly { readonly 'package-ecosystem': string }[] };
    expect(updates.map((one) => one['package-ecosystem']).sort()).toEqual(['docker', 'github-actions', 'npm']);
  });
});

describe('scripts/release-notes.js', () => {
  function notes(tag: string, changelog: string, versions: { readonly own?: string; readonly lock?: string } = {}): ReturnType<typeof spawnSync> {
    const at = folder();
    writeFileSync(join(at, 'CHANGELOG.md'), changelog);
    writeFileSync(join(at, 'package.json'), JSON.stringify({ version: versions.own ?? '1.2.3' }));
    writeFileSync(join(at, 'package-lock.json'), JSON.stringify({ version: versions.lock ?? '1.2.3', packages: { '': { version: versions.lock ?? '1.2.3' } } }));
    return spawnSync(process.execPath, [join(root, 'scripts/release-notes.js'), tag], { encoding: 'utf8', env: { ...process.env, CREDSETUP_RELEASE_ROOT: at } });
  }
  const good = '# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-01-31\n\n- New.\n\n## 1.2.2 - 2026-01-01\n\n- Old.\n';

  it('prints the chapter of the version that tag, package and changelog name', () => {
    expect(notes('v1.2.3', good)).toMatchObject({ status: 0, stdout: '- New.\n', stderr: '' });
  });

  it.each([
    ['another version in package.json', 'v1.2.3', good, { own: '1.2.2' }, 'package.json says 1.2.2'],
    ['another version in the lock file', 'v1.2.3', good, { lock: '1.2.2' }, 'package-lock.json says 1.2.2'],
    ['no chapter', 'v1.2.3', good.replace('1.2.3', '1.2.4'), {}, 'no chapter'],
    ['an empty chapter', 'v1.2.3', good.replace('- New.\n', ''), {}, 'no chapter'],
    ['entries that belong to no release', 'v1.2.3', good.replace('Unreleased\n', 'Unreleased\n\n- More.\n'), {}, 'under Unreleased'],
    ['a tag that is no version', 'release', good, {}, 'no tag of a version'],
    ['a tag with a command in it', 'v1.2.3$(id)', good, {}, 'no tag of a version'],
  ])('refuses %s', (_, tag, changelog, versions, says) => {
    expect(notes(tag, changelog, versions)).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining(says) });
  });
});
