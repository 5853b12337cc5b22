/**
 * node scripts/release-notes.js v1.2.3: prints the version's chapter of CHANGELOG.md. Fails when the
 * tag, package.json, package-lock.json and the changelog do not name one version.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const root = process.env.CREDSETUP_RELEASE_ROOT ?? fileURLToPath(new URL('..', import.meta.url));
const read = (name) => readFileSync(join(root, name), 'utf8');
const [tag = ''] = process.argv.slice(2);

/** What is wrong with the tag, in sentences; none when it fits. */
function faults() {
  const version = tag.replace(/^v/, '');
  if (!/^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(tag)) return [`${JSON.stringify(tag)} is no tag of a version, such as v1.2.3`];
  const lock = JSON.parse(read('package-lock.json'));
  const named = { 'package.json': JSON.parse(read('package.json')).version, 'package-lock.json': lock.version, 'the root of package-lock.json': lock.packages[''].version };
  return [
    ...Object.entries(named).filter(([, one]) => one !== version).map(([where, one]) => `${where} says ${one}`),
    ...(chapter(version) === undefined ? [`CHANGELOG.md has no chapter "## ${version} - YYYY-MM-DD", or an empty one`] : []),
    ...(chapter('Unreleased') === undefined ? [] : ['CHANGELOG.md still has entries under Unreleased']),
  ];
}

/** The text of a chapter; undefined when there is none, or nothing in it. */
function chapter(name) {
  const found = read('CHANGELOG.md').split(/^## /m).slice(1).find((one) => one.split('\n')[0].replace(/ - \d{4}-\d{2}-\d{2}$/, '') === name);
  const text = found?.slice(found.indexOf('\n')).trim();
  return text === '' ? undefined : text;
}

const wrong = faults();
if (wrong.length > 0) {
  console.error(`${tag} cannot be released:\n${wrong.map((one) => `- ${one}`).join('\n')}`);
  process.exitCode = 1;
} else {
  console.log(chapter(tag.slice(1)));
}
