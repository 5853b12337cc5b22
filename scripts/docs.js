/**
 * Makes the pictures in docs/pictures: of a real run in a real terminal, of the page that the
 * browser shows, and of what goes where; each for light and for dark pages. The program is the
 * built one, the service a practice server under a name of its own behind a proxy, the keychain a
 * session of its own. `--check` writes nothing and fails where a picture is not what comes out.
 */
import { build } from 'esbuild';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { flowPicture } from './docs/flow-picture.js';
import { pagePicture } from './docs/page-picture.js';
import { setUpRun } from './docs/set-up-run.js';
import { rowsOf, terminalPicture } from './docs/terminal-picture.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'docs', 'pictures');

/** The tests' own terminal, keychain, proxy and practice servers, which are TypeScript. */
async function parts() {
  const outfile = join(root, 'build', 'docs', 'parts.js');
  await build({
    absWorkingDir: root, outfile, bundle: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'warning',
    stdin: {
      resolveDir: root, loader: 'ts', contents: `
        export { startMattermost } from './src/practice/mattermost.ts';
        export { outcomePage, renderPage } from './src/oauth/redirect-page.ts';
        export { PtySession } from './test/terminal/pty.ts';
        export { startProxy } from './test/proxy.ts';
        export { startSession } from './test/stores/keychain-session.ts';`,
    },
  });
  try {
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(dirname(outfile), { recursive: true });
  }
}

const made = await parts();
const { secrets, ...run } = await setUpRun(made, root);
const setUp = { ...run, rows: await rowsOf(run.raw, run.columns) };
const pictures = Object.fromEntries(['light', 'dark'].flatMap((theme) => [
  [`set-up-${theme}`, terminalPicture(setUp, theme)],
  [`redirect-page-${theme}`, pagePicture(made.renderPage(made.outcomePage({ ok: true })), theme)],
  [`what-goes-where-${theme}`, flowPicture(theme)],
]));

if (secrets.some((secret) => Object.values(pictures).some((picture) => picture.includes(secret)))) throw new Error('a picture shows a secret');
const check = process.argv.includes('--check');
const different = [];
await mkdir(folder, { recursive: true });
for (const [name, picture] of Object.entries(pictures)) {
  const path = join(folder, `${name}.svg`);
  const there = await readFile(path, 'utf8').catch((error) => { if (error.code === 'ENOENT') return undefined; throw error; });
  if (there === picture) continue;
  different.push(`docs/pictures/${name}.svg`);
  if (!check) await writeFile(path, picture);
}
console.log(different.length === 0 ? 'The pictures are what comes out.' : `${check ? 'Not what comes out' : 'Written'}: ${different.join(', ')}`);
process.exitCode = check && different.length > 0 ? 1 : 0;
