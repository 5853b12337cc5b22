/**
 * A service as the command line knows it before anything else of it is loaded: its words, its
 * fields, and what follows from them. No imports but types and words: the entry
 * reads this, and nothing else of a service.
 */
import type { Field } from './field.ts';

export interface ServiceLine {
  readonly id: string;
  readonly title: string;
  /** What a set-up takes when the values are in hand: the address, and each method's. */
  readonly fields: readonly Field[];
  /** Ids of the methods, the likeliest first. A script names one where there are several. */
  readonly methods: readonly string[];
  /** Whether a method signs in by OAuth2. */
  readonly oauth: boolean;
  /** Present when the secret can be made at the service. */
  readonly provisioning?: ProvisioningLine;
}

export interface ProvisioningLine {
  /** The option that makes it: `--create-token`. */
  readonly option: string;
  readonly help: string;
  /** What `--repair` changes, in a few words. */
  readonly repairHelp: string;
  /** Every value that it can take. */
  readonly fields: readonly Field[];
  /** Those of them by which somebody signs in. */
  readonly signInFields: readonly Field[];
  /** Those of them that describe the new secret. */
  readonly secretFields: readonly Field[];
}
