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
var args = process.argv.slice(2);

function file(name) {
  return fs.readFileSync(__dirname + '/../' + name);
}

// Without process.stdout: making it costs a tenth of the start, and a pipe whose reader left would
// end in a stack trace.
function print(bytes) {
  var done = 0;
  try {
    while (done < bytes.length) done += fs.writeSync(1, bytes, done);
  } catch (error) {
    if (error.code === 'EPIPE') process.exit(141);
    if (error.code !== 'EAGAIN') {
      process.stderr.write('credsetup could not write to standard output (' + error.code + ').\n');
      process.exit(10);
    }
    // A pipe that is full for the moment: process.stdout waits for its reader.
    process.stdout.write(bytes.slice(done));
  }
}

// The two commonest questions about a program are answered without loading it.
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  print(Buffer.from(JSON.parse(file('package.json')).version + '\n'));
} else if (args.length === 1 && (args[0] === '--help' || args[0] === '-h') && !(require('tty').isatty(1) && process.stdout.columns < 80)) {
  print(file('dist/help.txt'));
} else {
  require('../dist/load.cjs')('main.cjs').main(args).then(function (exitCode) {
    process.exitCode = exitCode;
  }, function (error) {
    // The last resort. The message stays out: it may hold a secret.
    process.stderr.write('credsetup failed (' + (error && error.name) + '). Run it again; if it fails again, install it again.\n');
    process.exitCode = 1;
  });
}
