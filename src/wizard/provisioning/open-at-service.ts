/** What a set-up has open at a service while it makes a secret there. */
import type { HttpClient } from '../../context.ts';
import type { Change, Provisioning, Session } from '../../services/provisioning.ts';

export interface OpenAtService {
  /** Where the sessions are; they are shown to no other address. */
  readonly base: string;
  readonly provisioning: Provisioning;
  /** Who makes. */
  session: Session | undefined;
  /** Who repairs, when somebody else does. */
  admin: Session | undefined;
  /** Whether the person signs in by a password or gives an admin's token. */
  by?: 'password' | 'token';
  codeWanted: boolean;
  expiryWanted: boolean;
  /** Agreed to by a typed word or by the option; done last. */
  readonly changes: Change[];
  /** The requests that are on their way: they are let to their end before anything is taken back. */
  pending: Promise<unknown>;
  http?: HttpClient;
}
