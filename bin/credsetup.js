#!/usr/bin/env node
// Old syntax on purpose: an old Node must reach the sentence below, not a syntax error.
'use strict';

var wanted = [20, 19];
var have = process.versions.node.split('.').map(Number);
if (have[0] < wanted[0] || (have[0] === wanted[0] && have[1] < wanted[1])) {
  process.stderr.write('credsetup needs Node.js ' + wanted.join('.') + ' or later; this is ' + process.versions.node + '.\n' +
    'Install a newer one from https://nodejs.org and run the same command again.\n');
  process.exit(2);
}

var fs = require('fs');
var path = require('path');
var args = process.argv.slice(2);

function file(name) {
  return fs.readFileSync(path.join(__dirname, '..', name), 'utf8');
}

// The two commonest questions about a program are answered without loading it.
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  process.stdout.write(JSON.parse(file('package.json')).version + '\n');
} else if (args.length === 1 && (args[0] === '--help' || args[0] === '-h')) {
  process.stdout.write(file('dist/help.txt'));
} else {
  require('../dist/main.cjs').main(args).then(function (exitCode) {
    process.exitCode = exitCode;
  });
}
