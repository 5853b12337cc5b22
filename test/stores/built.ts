/** The children, the worker and test programs, bundled once a test file as the build does it. */
import { build, stop } from 'esbuild';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Built {
  /** The built file of an entry: `path('scrypt-worker')`. */
  path(entry: string): string;
  remove(): Promise<void>;
}

/** @param entries paths from the root, without `.ts` */
export async function buildEntries(...entries: readonly string[]): Promise<Built> {
  const folder = await mkdtemp(join(tmpdir(), 'credsetup-built-'));
  await build({
    absWorkingDir: root,
    entryPoints: entries.map((entry) => `${entry}.ts`),
    outdir: folder, entryNames: '[name]', outExtension: { '.js': '.mjs' },
    bundle: true, platform: 'node', target: 'node20.19', format: 'esm', external: ['keytar'], logLevel: 'warning',
    banner: { js: "import{createRequire as credsetupRequire}from'node:module';const require=credsetupRequire(import.meta.url);" },
  });
  // Its service would outlive the tests.
  await stop();
  // keytar stays external and is found beside the built files, as in an installed package.
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  return {
    path: (entry) => join(folder, `${entry}.mjs`),
    remove: async () => rm(folder, { recursive: true, force: true }),
  };
}
