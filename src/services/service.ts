/**
 * What a service describes and the core acts on: fields, steps, probes and checks as data and
 * small functions. Questions, options, variables, help and the list of what is missing all come
 * from these descriptions; a third service is one folder and one line in the registry.
 */
import type { Account, Credential, PublicFields, Secrets, Warning } from '../credential.ts';
import type { HttpResponse } from '../context.ts';
import type { Api, ServerState } from './api.ts';
import type { Field } from './field.ts';
import type { OAuth } from './oauth-description.ts';
import type { Provisioning } from './provisioning.ts';
import type { Step } from './step.ts';
import type { CredsetupError, ErrorCode, MissingInput } from '../errors.ts';

/** How a service is told from everything else that answers HTTP. */
export interface AddressKnowledge {
  readonly field: Field;
  /** Paths of the service's own pages; what follows the base in a pasted address. */
  readonly pages: readonly RegExp[];
  /** Path segments that may end a base although they look like a page (Mautic's index.php). */
  readonly frontControllers: readonly string[];
  /** The path whose anonymous answer proves the service. */
  readonly proofPath: string;
  /** Whether an answer to `proofPath` can only come from this service. */
  readonly proves: (response: HttpResponse) => boolean;
  /** How it is told that it is there and starting: what answers to `path`, or to anything else, meanwhile. */
  readonly starting?: { readonly path: string; readonly seen: (response: HttpResponse) => boolean };
  /** Whether any answer looks like this service's, to say so to who wanted another one. */
  readonly resembles: (response: HttpResponse) => boolean;
  readonly notThisService: ErrorCode;
  /** An answer of the service itself that shows why it does not work as it is; undefined for every other. */
  readonly outOfOrder?: (response: HttpResponse) => CredsetupError | undefined;
  /** It is the n8n itself; for every other, what keeps us out keeps n8n out too. */
  readonly isN8n?: boolean;
  /** Where an n8n takes the answer of a sign-in that was begun there, below its base. */
  readonly oauthCallbackPath?: string;
  /** What an n8n says of itself without a key: the callback that it sends, which begins with the address that *it* has, and not with ours for it. */
  readonly oauthCallbackTold?: { readonly path: string; readonly read: (response: HttpResponse) => string | undefined };
}

/** What the server said of who was let in. */
export interface Validation {
  readonly account: Account;
  readonly version?: string;
  readonly capabilities: Readonly<Record<string, boolean>>;
  readonly warnings: readonly Warning[];
  readonly expiresAt?: string;
  /** What anybody can read in the secret itself, such as the claims of a JWT. */
  readonly publicParts?: readonly string[];
}

/** What is shown to a server to be let in: the values that are no secrets, and the secrets, by field key. */
export interface Presented {
  readonly fields: PublicFields;
  readonly secrets: Secrets;
  /** Of a credential that was let in before: what is known of it tells why it is not now. */
  readonly stored?: Stored;
}

/** A credential that was validated before, and our own clock. */
export interface Stored {
  readonly credential: Credential;
  readonly now: Date;
}

/** Where a value of a credential comes from, wherever it is written to. `path`: below the address. */
export type ValueSource = 'url' | { readonly path: string } | 'ignoreSslIssues' | { readonly field: keyof PublicFields } | { readonly secret: string };

/** One line of what to type in n8n: n8n's label, its name for the value, and where the value comes from. */
export interface N8nField {
  readonly label: string;
  /** The member of the credential's `data` in n8n. */
  readonly member: string;
  readonly from: ValueSource;
}

/** How n8n keeps the tokens of a connected OAuth2 credential: a member of `data`, and our secrets for what is in it. */
export interface N8nTokens {
  readonly member: string;
  readonly accessToken: string;
  /** The secret that holds the access token's end, RFC 3339. */
  readonly expiresAt: string;
  readonly refreshToken: string;
}

/** The service's node in n8n and a small thing that it reads: what proves that a credential works there. */
export interface N8nNode {
  /** n8n's name of the node: `n8n-nodes-base.mautic`. */
  readonly type: string;
  readonly typeVersion: number;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly credentialType: string;
}

/** A credential's form in n8n. */
export interface N8nType {
  readonly type: string;
  readonly title: string;
  /** In n8n's order: exactly the members that the type has. */
  readonly fields: readonly N8nField[];
  /** Written only when the credential is handed over; without it a person presses Connect in n8n. */
  readonly tokens?: N8nTokens;
  readonly tlsOption: boolean;
  readonly nodes: string;
  /** What a run of it there does; absent where no node uses it. */
  readonly proof?: N8nNode;
}

/** An environment variable: what follows the service's word in its name, and its value. */
export interface Variable {
  readonly word: string;
  readonly from: ValueSource;
}

export interface Method {
  readonly id: string;
  readonly title: string;
  /** One line on whom it suits. */
  readonly summary: string;
  readonly steps: readonly Step[];
  readonly fields: readonly Field[];
  /** Present when the values are a client's and a sign-in gives the tokens. */
  readonly oauth?: OAuth;
  /** Present when the service can be asked to make the secret. */
  readonly provisioning?: Provisioning;
  /** n8n's credential type, its name in n8n, and its fields in n8n's order. */
  readonly n8n: N8nType;
  /** What exports and `exec` set: `TOKEN` is MATTERMOST_TOKEN. */
  readonly variables: readonly Variable[];
  /**
   * Asks the live server. Throws the code of what was refused; `field` in the error's details
   * names the question to go back to. `state` is there when the server was looked at before.
   */
  readonly validate: (api: Api, presented: Presented, state?: ServerState) => Promise<Validation>;
}

export interface Service {
  readonly id: string;
  readonly title: string;
  readonly address: AddressKnowledge;
  /**
   * Anonymous questions, few and in the order that the answers need. What `before` knows is not asked
   * again, nor what `proof`, a fresh answer to `proofPath`, tells.
   */
  readonly inspect: (api: Api, method: Method | undefined, before: ServerState | undefined, proof?: HttpResponse) => Promise<ServerState>;
  /** Codes of the warnings that only `inspect` finds; validating again keeps them. */
  readonly inspectWarnings: readonly string[];
  readonly methods: readonly Method[];
  /** Every word that a method of it sets a variable for; `exec` unsets them all first. */
  readonly variables: readonly string[];
  /** The option that chooses the method, where a script must say it. */
  readonly methodOption?: MissingInput;
  /** All that it can be asked for by `--require`. */
  readonly capabilities: readonly string[];
  /** Codes of `capabilities` to what in n8n needs them. */
  readonly capabilityUse: Readonly<Record<string, string>>;
}

/** What can be found by its address. */
export type Addressed = Pick<Service, 'id' | 'title' | 'address'>;
