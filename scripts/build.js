/**
 * Builds dist/: one entry that holds only commander and the description of the command line, and
 * chunks that are loaded when a command runs. Also build/: the practice servers and the demo,
 * which are not published.
 *
 * All of dist/ is CommonJS. esbuild divides ESM only, so its chunks are made into CommonJS one by
 * one behind it: measured on Node 20, `list` spends 70 ms between its first line and its end with
 * 20 ESM chunks, and 38 ms with the same ones as CommonJS, which Node reads without its asynchronous loader.
 */
import { build, transform } from 'esbuild';
import { createRequire } from 'node:module';
import { mkdir, readFile, rm, writeFile, access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { billOfMaterials, bundledPackages } from './bill-of-materials.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const packageJson = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

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
};
// What is bundled from CommonJS packages calls require for node's own modules; ESM has none.
const requireBanner = { js: "import{createRequire as credsetupRequire}from'node:module';const require=credsetupRequire(import.meta.url);" };

async function present(paths) {
  const found = await Promise.all(paths.map((path) => access(join(root, path)).then(() => [path], () => [])));
  return found.flat();
}

async function licences(metafiles) {
  const texts = await Promise.all(bundledPackages(metafiles).map(async (path) => {
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

// The entry reaches the chunks by one import that stays one.
const chunksApart = { name: 'chunks-apart', setup: ({ onResolve }) => { onResolve({ filter: /^\.\/run\.ts$/ }, () => ({ path: './run.js', external: true })); } };
/** Modules that stand in place of what is loaded and never used. */
const replaced = (name, modules) => ({ name, setup: ({ onResolve, onLoad }) => {
  onResolve({ filter: new RegExp(`^(${Object.keys(modules).join('|')})$`) }, ({ path, resolveDir }) => ({ path, namespace: name, pluginData: resolveDir }));
  onLoad({ filter: /.*/, namespace: name }, ({ path, pluginData }) => ({ contents: modules[path], resolveDir: pluginData, loader: 'js' }));
} });
// commander loads it for commands that are programs of their own. We have none, and it costs a tenth of a start.
const noChildren = replaced('no-children', { 'node:child_process': '' });
// undici's own index loads WebSocket, caches, mocks and, by asking for Headers, Node's copy of fetch; a dispatcher for HTTP/1.1 is all that is used.
const partOfUndici = replaced('part-of-undici', {
  undici: `
    import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
    import connect from 'undici/lib/api/api-connect.js';
    // As undici's index does for all of its methods: CONNECT is what a proxy is asked for.
    Object.assign(Dispatcher.prototype, { connect });
    export { default as Pool } from 'undici/lib/dispatcher/pool.js';
    export { default as EnvHttpProxyAgent } from 'undici/lib/dispatcher/env-http-proxy-agent.js';
    export { default as buildConnector } from 'undici/lib/core/connect.js';`,
  'node:http2': 'throw new Error("HTTP/2 is not built in");',
});
// Ours are X25519 recipients, which Node's own WebCrypto computes; the tables of the other curves are made as they load.
const partOfAge = replaced('part-of-age', {
  '@noble/post-quantum/hybrid.js': 'export const MLKEM768P256 = undefined, MLKEM768X25519 = undefined;',
  '@noble/curves/nist.js': 'export const p256 = undefined;',
  // RFC 7748 §4.1: the base point's u is 9.
  '@noble/curves/ed25519.js': 'export const x25519 = { GuBytes: Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 9 : 0)) };',
});

// CommonJS cannot wait while it loads: the services of the map at once and in its order, each by the name of its folder.
const servicesAtOnce = { name: 'services-at-once', setup: ({ onLoad }) => {
  onLoad({ filter: /[\\/]services[\\/]registry\.ts$/ }, async ({ path }) => {
    const map = await readFile(join(dirname(path), 'map.ts'), 'utf8');
    const names = /serviceLines[^=]*= \[([\w, ]+)\]/.exec(map)?.[1].split(', ') ?? [];
    const waiting = 'await Promise.all(serviceLines.map((line) => line.load()))';
    const source = await readFile(path, 'utf8');
    if (names.length === 0 || !source.includes(waiting)) throw new Error(`${path} does not load the services as the build knows it`);
    return { loader: 'ts', contents: `${names.map((name) => `import { ${name} } from './${name}/index.ts';`).join('\n')}\n${source.replace(waiting, `[${names.join(', ')}]`)}` };
  });
} };

const entry = await build({ ...common, entryPoints: ['src/main.ts'], outfile: 'dist/main.cjs', format: 'cjs', minify: true, plugins: [chunksApart, noChildren] });
const chunks = await build({
  ...common,
  entryPoints: await present(['src/run.ts', 'src/stores/keychain-child.ts', 'src/stores/scrypt-worker.ts']),
  outdir: 'dist', outbase: 'src', entryNames: '[name]', chunkNames: 'chunks/[name]-[hash]',
  format: 'esm', splitting: true, write: false, plugins: [partOfUndici, partOfAge, servicesAtOnce],
});
await mkdir(join(root, 'dist/chunks'));
for (const { path, text } of chunks.outputFiles) await writeFile(path, await asCommonJs(text));
await writeFile(join(root, 'dist/main.cjs'), loadingBySync(await readFile(join(root, 'dist/main.cjs'), 'utf8')));

/**
 * An ESM chunk as CommonJS. A package that stays outside is still imported: it may be ESM. What
 * Node brings is loaded when the first of it is used: crypto and tls alone take as long as `--version`.
 */
async function asCommonJs(text) {
  const { code } = await transform(text, {
    format: 'cjs', platform: 'node', target: common.target, minifyWhitespace: true, minifySyntax: true,
    define: { 'import.meta.url': 'credsetupUrl' },
    banner: text.includes('import.meta.url') ? 'const credsetupUrl=require("node:url").pathToFileURL(__filename).href;' : '',
  });
  const late = code.replace(/(?<=[, ][\w$]+=)require\(("node:[^"]+")\)(?=[,;])/g, 'credsetupLate(()=>require($1))');
  const helper = late === code ? '' : 'const credsetupLate=load=>new Proxy({},{get:(_,name)=>load()[name]});';
  return helper + loadingBySync(late);
}

/** Our own chunks by require, which is what makes them cheap. */
function loadingBySync(code) {
  return code.replace(/\bimport\("(\.[^"]+)"\)/g, 'Promise.resolve().then(()=>require("$1"))');
}

await build({
  ...common,
  entryPoints: await present(['src/practice/main.ts', 'src/practice/demo.ts']),
  outdir: 'build', outbase: 'src/practice', format: 'esm', splitting: true, banner: requireBanner,
});

// Help is text made here, so that asking for it loads nothing.
const { rootHelp } = createRequire(import.meta.url)(join(root, 'dist/main.cjs'));
await writeFile(join(root, 'dist/help.txt'), rootHelp());
await writeFile(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), await licences([entry.metafile, chunks.metafile]));
await writeFile(join(root, 'dist/bill-of-materials.cdx.json'), await billOfMaterials(root, [entry.metafile, chunks.metafile], packageJson));
await writeFile(join(root, 'dist/package.json'), '{ "type": "commonjs" }\n');
