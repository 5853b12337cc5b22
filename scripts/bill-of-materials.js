/**
 * The bill of materials of what is bundled, as CycloneDX (https://cyclonedx.org/docs/1.6/json/): every
 * package of which the bundler took a module, with the checksum that the lock file has for it. The same
 * sources give the same bytes, so it has neither a time nor a serial number.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The packages' folders, relative to the root, of which these builds hold a module. */
export function bundledPackages(metafiles) {
  const folders = metafiles.flatMap(({ outputs }) => Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs)))
    .map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
    .filter((path) => path !== undefined);
  return [...new Set(folders)].sort();
}

/** The document, as text. `external` are dependencies that npm installs beside the bundle. */
export async function billOfMaterials(root, metafiles, { name, version, license, dependencies = {}, optionalDependencies = {} }) {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')).packages;
  const bundled = bundledPackages(metafiles).map((folder) => component(folder, lock[folder], 'required'));
  const beside = [
    ...Object.keys(dependencies).map((one) => component(`node_modules/${one}`, lock[`node_modules/${one}`], 'required')),
    ...Object.keys(optionalDependencies).map((one) => component(`node_modules/${one}`, lock[`node_modules/${one}`], 'optional')),
  ].map((one) => ({ ...one, properties: [{ name: 'credsetup:installed-by', value: 'npm' }] }));
  const ours = purl(name, version);
  const components = [...bundled, ...beside].sort((a, b) => (a.purl < b.purl ? -1 : 1));
  const document = {
    bomFormat: 'CycloneDX', specVersion: '1.6', version: 1,
    metadata: { component: { 'type': 'application', 'bom-ref': ours, name, version, 'licenses': [{ license: { id: license } }], 'purl': ours } },
    components,
    dependencies: [{ ref: ours, dependsOn: components.map((one) => one['bom-ref']) }],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** `entry` is the lock file's: an alias has its own name there. */
function component(folder, entry, scope) {
  if (entry === undefined) throw new Error(`package-lock.json does not know ${folder}`);
  const name = entry.name ?? folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const [algorithm, digest] = (entry.integrity ?? '').split('-');
  return {
    'type': 'library', 'bom-ref': purl(name, entry.version), name, 'version': entry.version, scope,
    ...(algorithm === 'sha512' ? { hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }] } : {}),
    ...(entry.license === undefined ? {} : { licenses: [{ license: { id: entry.license } }] }),
    'purl': purl(name, entry.version),
  };
}

/** https://github.com/package-url/purl-spec, type npm: the scope's at sign is percent-encoded. */
function purl(name, version) {
  return `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;
}
