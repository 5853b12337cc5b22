/**
 * Builds dist/: one CommonJS entry that holds only commander and the description of the command
 * line, and ESM chunks that are loaded when a command runs. Also build/: the practice servers
 * and the demo, which are not published.
 */
import { build } from 'esbuild';
import { createRequire } from 'node:module';
import { mkdir, readFile, rm, writeFile, access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const packageJson = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

// undici's index loads all of it, and by asking for Headers node's own copy of fetch: at 40 ms it was
// the dearest part of a start. A name that is wanted and not here ends the build.
const undiciParts = { buildConnector: 'core/connect', EnvHttpProxyAgent: 'dispatcher/env-http-proxy-agent', Pool: 'dispatcher/pool' };
const undiciInParts = {
  name: 'undici-in-parts',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^undici$/ }, () => ({ path: 'undici', namespace: 'undici-in-parts' }));
    onLoad({ filter: /^/, namespace: 'undici-in-parts' }, () => ({
      resolveDir: root,
      contents: Object.entries(undiciParts).map(([name, file]) => `export { default as ${name} } from 'undici/lib/${file}.js';`).join('\n'),
    }));
  },
};

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  // keytar is a native addon; open finds its helper script beside its own file.
  external: ['keytar', 'open'],
  define: { CREDSETUP_VERSION: JSON.stringify(packageJson.version) },
  // What is read faster starts faster. Names stay: an error says which kind it is.
  minifyWhitespace: true,
  minifySyntax: true,
  plugins: [undiciInParts],
};
// What is bundled from CommonJS packages calls require for node's own modules.
const requireBanner = { js: "import{createRequire as credsetupRequire}from'node:module';const require=credsetupRequire(import.meta.url);" };

async function present(paths) {
  const found = await Promise.all(paths.map((path) => access(join(root, path)).then(() => [path], () => [])));
  return found.flat();
}

async function licences(metafiles) {
  const packages = new Set(metafiles.flatMap(({ inputs }) => Object.keys(inputs))
    .map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
    .filter((path) => path !== undefined));
  const texts = await Promise.all([...packages].sort().map(async (path) => {
    const { name, version, license } = JSON.parse(await readFile(join(root, path, 'package.json'), 'utf8'));
    const files = await present(['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license'].map((file) => join(path, file)));
    const text = files[0] === undefined ? '' : await readFile(join(root, files[0]), 'utf8');
    return `${name} ${version} (${license})\n\n${text.trim()}\n`;
  }));
  return texts.join(`\n${'-'.repeat(72)}\n\n`);
}

// Empties the folders rather than building beside old chunks; one build at a time writes them.
await rm(join(root, 'dist'), { recursive: true, force: true });
await rm(join(root, 'build'), { recursive: true, force: true });
await mkdir(join(root, 'dist'), { recursive: true });
await mkdir(join(root, 'build'), { recursive: true });

// The entry reaches the chunks by a dynamic import that stays one.
const chunksApart = { name: 'chunks-apart', setup: ({ onResolve }) => { onResolve({ filter: /^\.\/run\.ts$/ }, () => ({ path: './run.js', external: true })); } };

const entry = await build({ ...common, entryPoints: ['src/main.ts'], outfile: 'dist/main.cjs', format: 'cjs', minify: true, plugins: [chunksApart] });
const chunks = await build({
  ...common,
  entryPoints: await present(['src/run.ts', 'src/stores/keychain-child.ts', 'src/stores/scrypt-worker.ts']),
  outdir: 'dist', outbase: 'src', entryNames: '[name]', chunkNames: 'chunks/[name]-[hash]',
  format: 'esm', splitting: true, banner: requireBanner,
});
await build({
  ...common,
  entryPoints: await present(['src/practice/main.ts', 'src/practice/demo.ts']),
  outdir: 'build', outbase: 'src/practice', format: 'esm', splitting: true, banner: requireBanner,
});

// Help is text made here, so that asking for it loads nothing.
const { rootHelp } = createRequire(import.meta.url)(join(root, 'dist/main.cjs'));
await writeFile(join(root, 'dist/help.txt'), rootHelp());
await writeFile(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), await licences([entry.metafile, chunks.metafile]));
await writeFile(join(root, 'dist/package.json'), '{ "type": "module" }\n');
