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
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { copyFile, mkdir, readFile, rm, writeFile, access } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manual } from './man.js';
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
  // A native addon.
  external: ['keytar'],
  // age-encryption asks whether an identity is a WebCrypto key. Ours are text, and to name the class loads WebCrypto.
  define: { CREDSETUP_VERSION: JSON.stringify(packageJson.version), CryptoKey: 'undefined' },
  // What is read faster starts faster. Names stay: an error says which kind it is.
  minifyWhitespace: true,
  minifySyntax: true,
};
// What is bundled from CommonJS packages calls require for node's own modules; ESM has none.
const requireBanner = { js: "import{createRequire as credsetupRequire}from'node:module';const require=credsetupRequire(import.meta.url);" };

/** What starts together, by its sources: commands that scripts run again and again and what they read; then all that asks a server. */
const packs = {
  start: ['src/run.ts', 'src/commands/list.ts'],
  opening: ['src/commands/get.ts', 'src/commands/exec.ts', 'src/stores/encrypted-file.ts', 'node_modules/age-encryption/dist/index.js'],
  asking: ['src/http/client.ts', 'src/commands/set-up.ts', 'src/commands/test.ts'],
};

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
await writeFile(join(root, 'dist/package.json'), '{ "type": "commonjs" }\n');

// The entry reaches the chunks by one import that stays one.
const chunksApart = { name: 'chunks-apart', setup: ({ onResolve }) => { onResolve({ filter: /^\.\/run\.ts$/ }, () => ({ path: './run.js', external: true })); } };

/** Modules of packages that others stand in place of: by a specifier, or by the end of the file's path. Each must be met. */
function inPlace(of) {
  const met = new Set();
  const standIn = (name) => join(root, 'scripts/instead', name);
  return {
    name: 'in-place',
    setup: ({ onResolve, onEnd, resolve }) => {
      onResolve({ filter: /./ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
        if (pluginData === met || importer.startsWith(standIn('')) || !importer.includes('node_modules') && !(path in of)) return undefined;
        const direct = of[path];
        const found = direct !== undefined || !path.startsWith('.') ? undefined : (await resolve(path, { resolveDir, kind, importer, pluginData: met })).path;
        const key = direct === undefined ? Object.keys(of).find((end) => found?.endsWith(`node_modules/${end}`) === true) : path;
        if (key === undefined) return undefined;
        met.add(key);
        return { path: standIn(of[key]) };
      });
      onEnd(() => {
        const unmet = Object.keys(of).filter((key) => !met.has(key));
        if (unmet.length > 0) throw new Error(`nothing asks for ${unmet.join(', ')} any more: take it out of the build, or name what is asked for now`);
      });
    },
  };
}

// commander loads it for commands that are programs of their own. We have none, and it costs a tenth of a start.
const noChildren = inPlace({ 'node:child_process': 'nothing.js' });
const partsOfPackages = inPlace({
  undici: 'part-of-undici.js',
  'undici/lib/dispatcher/client-h2.js': 'nothing.js',
  'undici/lib/dispatcher/socks5-proxy-agent.js': 'nothing.js',
  'undici/lib/web/fetch/body.js': 'not-built-in.js',
  '@noble/ciphers/chacha.js': 'node-chacha.js',
  '@noble/hashes/hmac.js': 'node-hashes.js',
  '@noble/hashes/hkdf.js': 'node-hashes.js',
  '@noble/hashes/sha2.js': 'node-hashes.js',
  '@noble/hashes/scrypt.js': 'node-hashes.js',
  '@noble/hashes/utils.js': 'node-hashes.js',
  'age-encryption/dist/x25519.js': 'node-x25519.js',
  '@noble/post-quantum/hybrid.js': 'no-other-curves.js',
  '@noble/curves/nist.js': 'no-other-curves.js',
});

const entry = await build({
  ...common, entryPoints: ['src/main.ts'], outfile: 'dist/main.cjs', format: 'cjs', minify: true, plugins: [chunksApart, noChildren],
  // esbuild writes a require in place of import(): what makes a chunk cheap.
  supported: { 'dynamic-import': false },
});
const chunks = await build({
  ...common,
  entryPoints: await present(['src/run.ts', 'src/stores/keychain-child.ts', 'src/stores/scrypt-worker.ts']),
  outdir: 'dist', outbase: 'src', entryNames: '[name]', chunkNames: 'chunks/[name]-[hash]',
  format: 'esm', splitting: true, write: false, plugins: [partsOfPackages],
});
await mkdir(join(root, 'dist/chunks'));
const outputs = new Map(await Promise.all(Object.entries(chunks.metafile.outputs).map(async ([path, output]) => {
  const { text } = chunks.outputFiles.find((file) => file.path === join(root, path));
  return [path, { ...output, code: await asCommonJs(text, path, output) }];
})));
for (const [path, code] of packed(outputs)) await writeFile(join(root, path), code);

/**
 * An ESM chunk as CommonJS, by esbuild itself: import() of our own becomes require, which is what
 * makes chunks cheap. A package that stays outside is still imported, for it may be ESM.
 */
async function asCommonJs(text, path, { imports }) {
  const later = imports.filter(({ kind }) => kind === 'dynamic-import');
  const outside = later.filter(({ path: name, external }) => external && !name.startsWith('node:'));
  if (outside.length > 0 && outside.length < later.length) throw new Error(`${path} loads both a package and a chunk of ours later: divide its source`);
  const { code } = await transform(text, {
    format: 'cjs', platform: 'node', target: common.target, minifyWhitespace: true, minifySyntax: true,
    supported: { 'dynamic-import': outside.length > 0 },
    define: { 'import.meta.url': 'credsetupUrl' },
    banner: text.includes('import.meta.url') ? 'const credsetupUrl=require("node:url").pathToFileURL(__filename).href;' : '',
  });
  return lateBuiltins(code, path, imports);
}

/**
 * What Node brings is loaded when the first of it is used: crypto and tls alone take as long as
 * `--version`. esbuild has no way to say so, hence the look at its own output, and the count that
 * stops the build where that output is not what it was.
 */
function lateBuiltins(code, path, imports) {
  const expected = imports.filter(({ path: name, kind, external }) => external && kind === 'import-statement' && name.startsWith('node:')).length;
  const asRequire = /(?<=[, ][\w$]+=)(?:require\("(node:[^"]+)"\)|__toESM\(require\("node:[^"]+"\)(?:,1)?\))(?=[,;])/g;
  let met = 0;
  const late = code.replace(asRequire, (all, name) => {
    met += 1;
    return name === undefined ? all : `credsetupLate(()=>require("${name}"))`;
  });
  if (met !== expected) throw new Error(`${path} imports ${expected} modules of Node and ${met} were found in what esbuild made of it`);
  return late === code ? code : `const credsetupLate=load=>new Proxy({},{get:(_,name)=>load()[name]});${late}`;
}

/**
 * What starts together, in one file each: thirty files cost Node more to find and open than to run.
 * Whoever asks for one of the chunks by its own file gets the same module.
 */
function packed(all) {
  const files = new Map([...all].map(([path, { code }]) => [path, code]));
  const taken = new Set();
  for (const [name, sources] of Object.entries(packs)) {
    const entries = [...all].filter(([, { entryPoint = '' }]) => sources.some((source) => entryPoint === source || entryPoint.endsWith(`/${source}`))).map(([path]) => path);
    if (entries.length < sources.length) throw new Error(`not every one of ${sources.join(', ')} is loaded by itself`);
    const inside = [...closure(all, entries)].filter((path) => !taken.has(path));
    const packages = inside.filter((path) => all.get(path).imports.some(({ kind, external, path: other }) => kind === 'dynamic-import' && external && !other.startsWith('node:')));
    // import() belongs to a module of its own.
    if (packages.length > 0) throw new Error(`${packages.join(', ')} cannot be packed, for a package is imported there`);
    for (const path of inside) {
      taken.add(path);
      files.set(path, `module.exports=require("${dirname(path) === 'dist' ? '.' : '..'}/load.cjs")("chunks/${name}.js")("${basename(path)}");\n`);
    }
    files.set(`dist/chunks/${name}.js`, packOf(inside.map((path) => [path, all.get(path).code])));
  }
  return files;
}

function packOf(modules) {
  const members = modules.map(([path, code]) => `${JSON.stringify(basename(path))}:["${dirname(path) === 'dist' ? '..' : '.'}",function(exports,require,module,__filename){${code}\n}]`);
  return `"use strict";const{join,basename}=require("node:path"),modules={${members.join(',\n')}},made=new Map;
const load=name=>{let module=made.get(name);if(module===undefined){const[folder,body]=modules[name];made.set(name,module={exports:{}});
const asked=path=>path[0]!=="."?require(path):Object.hasOwn(modules,basename(path))?load(basename(path)):require(join(__dirname,folder,path));
body(module.exports,asked,module,join(__dirname,folder,name));}return module.exports;};
module.exports=load;\n`;
}

/** These chunks and all that they import at once. */
function closure(all, from) {
  const found = new Set();
  const visit = (path) => {
    if (found.has(path)) return;
    found.add(path);
    for (const { path: other, kind, external } of all.get(path).imports) if (kind === 'import-statement' && external !== true) visit(other);
  };
  from.forEach(visit);
  return found;
}

await build({
  ...common,
  entryPoints: await present(['src/practice/main.ts', 'src/practice/demo.ts', 'src/practice/mattermost.ts', 'src/stores/new-identity.ts']),
  outdir: 'build', entryNames: '[name]', format: 'esm', splitting: true, banner: requireBanner,
});

await writeFile(join(root, 'dist/load.cjs'), await readFile(join(root, 'scripts/load.cjs')));
const compiled = spawnSync(process.execPath, [join(root, 'scripts/compiled.js')], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8', env: withoutSettings(process.env) });
if (compiled.status !== 0) console.error(`Built without compiled code, so starts take longer.\n${compiled.stderr}`);

/** V8 takes compiled code only where it was started with the same flags. */
function withoutSettings({ NODE_OPTIONS: _options, NODE_EXTRA_CA_CERTS: _authorities, ...env }) {
  return env;
}

// Help is text made here, so that asking for it loads nothing.
const { rootHelp } = createRequire(import.meta.url)(join(root, 'dist/main.cjs'));
await writeFile(join(root, 'dist/help.txt'), rootHelp());
const { outputFiles: [catalog] } = await build({ ...common, entryPoints: ['src/commands/catalog.ts'], format: 'esm', write: false, metafile: false });
await writeFile(join(root, 'dist/credsetup.1'), manual(await import(`data:text/javascript;base64,${Buffer.from(catalog.contents).toString('base64')}`), packageJson));
await mkdir(join(root, 'dist/completions'));
for (const [shell, name] of [['bash', 'credsetup.bash'], ['zsh', '_credsetup'], ['fish', 'credsetup.fish']]) {
  const { stdout, status, stderr } = spawnSync(process.execPath, [join(root, 'bin/credsetup.js'), 'completion', shell], { encoding: 'utf8', env: withoutSettings(process.env) });
  if (status !== 0) throw new Error(`no completions for ${shell}: ${stderr}`);
  await writeFile(join(root, 'dist/completions', name), stdout);
}
// `credsetup help CODE` reads it.
await copyFile(join(root, 'docs/errors.md'), join(root, 'dist/errors.md'));
await writeFile(join(root, 'dist/THIRD-PARTY-LICENSES.txt'), await licences([entry.metafile, chunks.metafile]));
await writeFile(join(root, 'dist/bill-of-materials.cdx.json'), await billOfMaterials(root, [entry.metafile, chunks.metafile], packageJson));
