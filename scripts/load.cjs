/**
 * Loads a large file of dist/ with what V8 compiled of it before (scripts/compiled.js), which saves
 * a third of a start. V8 itself refuses what was compiled by another version, with other flags or of
 * a text of another length; then it compiles anew, and only the time is lost. Old syntax is not
 * needed: bin/credsetup.js has looked at the version.
 */
'use strict';
const { isAscii } = require('node:buffer');
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');

const loaded = new Map();

function compiledBefore(file) {
  try {
    return readFileSync(`${file}.compiled`);
  } catch {
    // Not made where the program was built: nothing is lost but time.
    return undefined;
  }
}

/** The exports of a file of dist/, which is CommonJS. */
module.exports = function load(name) {
  const known = loaded.get(name);
  if (known !== undefined) return known.module.exports;
  const filename = join(__dirname, name);
  const bytes = readFileSync(filename);
  // Read faster, and kept in half the memory.
  const text = bytes.toString(isAscii(bytes) ? 'latin1' : 'utf8');
  // By a name that says nothing of the machine it was built on.
  const script = new Script(`(function(exports,require,module,__filename,__dirname){${text}\n})`, { filename: `credsetup/dist/${name}`, cachedData: compiledBefore(filename) });
  const module = { exports: {} };
  loaded.set(name, { module, script, filename });
  script.runInThisContext()(module.exports, createRequire(filename), module, filename, dirname(filename));
  return module.exports;
};
module.exports.loaded = loaded;
