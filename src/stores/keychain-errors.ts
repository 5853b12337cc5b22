/** What the keychain's own words mean. The texts were measured; see the tests that provoke them. */
import { CredsetupError } from '../errors.ts';

const elsewhere = 'or keep credentials in an encrypted file with --store file';
const onLinux = 'install gnome-keyring and libsecret-1-0 and run inside a desktop session (or dbus-run-session).';
/** Without a desktop a file is what works at once; how to get a keychain comes behind it. */
const linuxHint = `Keep credentials in an encrypted file instead, with --store file. For a keychain on Linux ${onLinux}`;

interface Meaning {
  readonly said: RegExp;
  readonly code: 'STORE_UNAVAILABLE' | 'STORE_LOCKED';
  readonly message: string;
  readonly hint: string;
}

const meanings: readonly Meaning[] = [
  {
    // libsecret, Secret Service's own error names, macOS errSecInteractionNotAllowed and errSecUserCanceled.
    said: /locked collection|IsLocked|\bis locked\b|prompt .{0,200}dismissed|interaction is not allowed|user cancell?ed/i,
    code: 'STORE_LOCKED', message: 'The keychain is locked.',
    hint: `Unlock it (on Linux: sign in to the desktop, or start gnome-keyring-daemon --unlock) and try again, ${elsewhere}.`,
  },
  {
    said: /org\.freedesktop\.secrets|ServiceUnknown/i,
    code: 'STORE_UNAVAILABLE', message: 'This computer has no keychain running, which is usual on a server: no program provides one (org.freedesktop.secrets).', hint: linuxHint,
  },
  {
    said: /secrets\/(?:collection|aliases)/i,
    code: 'STORE_UNAVAILABLE', message: 'The keychain has no collection to keep secrets in.',
    hint: `Create a default keyring (with seahorse, or by signing in to the desktop), ${elsewhere}.`,
  },
  // After the others, whose texts may begin with GDBus.Error.
  {
    said: /D-?Bus|message bus|could not connect/i,
    code: 'STORE_UNAVAILABLE', message: 'This computer has no keychain running, which is usual on a server and over SSH: there is no desktop session (D-Bus).', hint: linuxHint,
  },
];

/** An error of a keychain call. */
export function callFailed(said: string): CredsetupError {
  const meaning = meanings.find((one) => one.said.test(said));
  if (meaning !== undefined) return new CredsetupError(meaning.code, meaning.message, { hint: meaning.hint, cause: new Error(said) });
  return new CredsetupError('STORE_UNAVAILABLE', `The keychain failed: ${said.slice(0, 300)}`, {
    hint: `Look at the keychain's own program, ${elsewhere}.`,
  });
}

/** keytar is not installed, or its addon does not load: on Linux it needs libsecret. */
export function loadFailed(said: string, platform: string): CredsetupError {
  const installed = !/Cannot find (?:package|module) 'keytar'/.test(said);
  const hint = platform === 'linux' && installed ? linuxHint
    : `Install credsetup again without --omit=optional, ${elsewhere}.`;
  return new CredsetupError('STORE_UNAVAILABLE', 'There is no keychain here: the addon that talks to it does not load.', { hint, cause: new Error(said) });
}

/** @param seconds how long was waited */
export function timedOut(seconds: number): CredsetupError {
  return new CredsetupError('STORE_TIMEOUT', `The keychain did not answer within ${seconds} seconds.`, {
    hint: `Look for a dialog that asks to unlock it, or restart the keychain's service, ${elsewhere}.`,
  });
}

export function childDied(how: string): CredsetupError {
  return new CredsetupError('STORE_UNAVAILABLE', `The process that talks to the keychain ended (${how}).`, {
    hint: `Try again, ${elsewhere}.`,
  });
}
