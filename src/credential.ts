/**
 * The credential: what is known of one validated way into one service.
 *
 * {@link Credential} is the public shape (`show`, `list`, the index); it holds no secret.
 * {@link SecretRecord} is what a store keeps; it holds the secrets together with what they are
 * bound to, so that nobody who can edit the index can send a secret to another address.
 */

export type StoreKind = 'keychain' | 'file' | 'vault' | 'none';

/** A code for programs and a sentence for people. */
export interface Warning {
  readonly code: string;
  readonly message: string;
}

export interface Account {
  readonly id?: string;
  readonly username?: string;
  readonly name?: string;
  readonly email?: string;
  readonly admin?: boolean;
  readonly bot?: boolean;
}

/** Values of a method that are no secrets. */
export interface PublicFields {
  readonly username?: string;
  readonly clientId?: string;
  readonly redirectUri?: string;
  readonly tokenId?: string;
}

/** Secret values by field key: `{token}`, `{password}`, `{clientSecret, ...}`. */
export type Secrets = Readonly<Record<string, string>>;

/** The contract's JSON form. Unknown members are absent; times are RFC 3339 in UTC. */
export interface Credential {
  /** A random UUID, kept by rename, replace, export and import; computed with `--store none`. */
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly method: string;
  readonly grant?: string;
  /** `n8n`: only n8n signs in with it, and here is its client alone. Absent where somebody signed in here. */
  readonly signIn?: 'n8n';
  /** The base URL without a trailing slash. */
  readonly url: string;
  readonly account: Account;
  readonly server: { readonly version?: string };
  readonly fields: PublicFields;
  readonly store: StoreKind;
  readonly createdAt: string;
  readonly validatedAt: string;
  /** When the secret in use was made, where credsetup made it. */
  readonly issuedAt?: string;
  /** When a person has to act; not when an access token ends. */
  readonly expiresAt?: string;
  readonly ignoreSslIssues: boolean;
  readonly allowHttp: boolean;
  /** How many CA certificates are stored with it. */
  readonly caCertificates: number;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly handedOver?: { readonly to: string; readonly at: string; readonly state: string };
  /** What was registered at the client when credsetup made it or added to it: of another client nobody here knows. */
  readonly redirectUris?: readonly string[];
  /** Where it was pushed to, with the id that was chosen there. */
  readonly pushed?: readonly Pushed[];
  readonly warnings: readonly Warning[];
}

/** A copy of a credential in an n8n. */
export interface Pushed {
  /** The n8n's base URL. */
  readonly url: string;
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly at: string;
  /** The service's address for that n8n, where it is another one than ours. */
  readonly urlInN8n?: string;
  /** The client that it was written with: n8n's sign-in is this client's. */
  readonly clientId?: string;
  /** What n8n said of it last. */
  readonly test?: { readonly status: string; readonly proof?: string; readonly message: string; readonly at: string };
}

/** A credential with all that is needed to use it. `caCertificates` of the connection are PEM texts. */
export interface FullCredential {
  readonly credential: Credential;
  readonly secrets: Secrets;
  readonly certificates: readonly string[];
}

/** What a store keeps under a random key: the secrets and everything that they are bound to. */
export interface SecretRecord {
  readonly version: 1;
  readonly id: string;
  readonly service: string;
  readonly method: string;
  readonly grant?: string;
  readonly url: string;
  readonly ignoreSslIssues: boolean;
  readonly allowHttp: boolean;
  /** SHA-256 (hex) over the stored CA certificates, absent without any. */
  readonly caSha256?: string;
  readonly fields: PublicFields;
  readonly secrets: Secrets;
}
