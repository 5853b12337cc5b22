/**
 * Tools that a machine may lack. A test that needs one skips with one printed line, and fails
 * instead when the tool is named in CREDSETUP_TEST_REQUIRE (comma-separated).
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export type Tool = 'keychain' | 'age' | 'terminal' | 'openssl' | 'chromium' | 'strace' | 'bindfs' | 'nginx' | 'bash' | 'zsh' | 'fish' | 'python-dotenv' | 'systemd-analyze' | 'chroot' | 'faketime';

const probes: Record<Tool, () => boolean> = {
  keychain: () => found('gnome-keyring-daemon') && found('dbus-run-session'),
  age: () => found('age'),
  openssl: () => found('openssl'),
  bash: () => found('bash'),
  zsh: () => found('zsh'),
  // Root with the right to mount; a container without it is as good as none.
  chroot: () => process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0 && found('ldd'),
  'systemd-analyze': () => found('systemd-analyze'),
  fish: () => found('fish'),
  chromium: () => existsSync('/usr/bin/chromium'),
  // Somebody else's tracer, or a machine without the right to trace, is as good as none.
  strace: () => spawnSync('strace', ['-qq', '-e', 'trace=none', 'true']).status === 0,
  faketime: () => found('faketime'),
  bindfs: () => found('bindfs') && existsSync('/dev/fuse'),
  nginx: () => found('nginx'),
  'python-dotenv': () => spawnSync('python3', ['-c', 'import dotenv']).status === 0,
  terminal: () => process.platform !== 'win32',
};

function found(command: string): boolean {
  return spawnSync(process.platform === 'win32' ? 'where' : 'which', [command]).status === 0;
}

/** True when the tests that need `tool` can run here. Throws when it is required and missing. */
export function has(tool: Tool): boolean {
  if (probes[tool]()) return true;
  const required = (process.env['CREDSETUP_TEST_REQUIRE'] ?? '').split(',');
  if (required.includes(tool)) throw new Error(`CREDSETUP_TEST_REQUIRE names ${tool}, and this machine lacks it`);
  console.log(`skipped: this machine lacks ${tool}`);
  return false;
}
