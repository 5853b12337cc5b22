/** What a set-up has gathered so far, and what it works with. */
import type { Connection, Context, HttpClient, HttpResponse, Terminal, Vault } from '../context.ts';
import type { Credential, FullCredential, StoreKind, Warning } from '../credential.ts';
import type { ClientCheck } from '../oauth/client-check.ts';
import type { RedirectServer } from '../oauth/redirect-server.ts';
import type { TokenSet } from '../oauth/tokens.ts';
import type { Made, Way } from '../services/provisioning.ts';
import type { ServerState } from '../services/api.ts';
import type { Method, Service, Validation } from '../services/service.ts';
import type { ConnectionOptions } from '../server/connection.ts';
import type { FieldOptions, Given } from '../field-sources.ts';
import type { OpenAtService } from './provisioning/open-at-service.ts';

/** A set-up as the command line describes it. */
export type Grant = 'authorization-code' | 'client-credentials';

/** Who signs in with an OAuth2 client: n8n alone, or this computer (and n8n too, where it is registered). */
export type SignInBy = 'here' | 'n8n';

/** What only an OAuth2 method reads. */
export interface SignInOptions {
  readonly grant: Grant | undefined;
  readonly by: SignInBy | undefined;
  readonly callbackPort: number | undefined;
  /** n8n's own OAuth Callback URL, to be registered too. */
  readonly n8nCallbackUrl: string | undefined;
  /** False: print the address and open nothing. */
  readonly browser: boolean;
  /** Seconds. */
  readonly loginTimeout: number | undefined;
}

export interface SetupOptions extends ConnectionOptions {
  readonly service: Service;
  readonly method: string | undefined;
  readonly name: string | undefined;
  readonly replace: boolean;
  readonly store: StoreKind | undefined;
  /** By field key. */
  readonly fields: Readonly<Record<string, FieldOptions>>;
  readonly require: readonly string[];
  readonly signIn: SignInOptions;
  /** The stored credential that is set up again: its name, id and redirect URI stay. */
  readonly existing?: FullCredential;
  /**
   * An entry whose secret is gone: bound to nothing any more, so the credential is set up as a new
   * one in its place. Of what the index says, nothing is taken that leads anywhere.
   */
  readonly inPlaceOf?: Credential;
  /** Esc at the first question leaves, by CANCELLED. */
  readonly fromMenu?: boolean;
  /** Make the secret at the service. */
  readonly create?: boolean;
  /** Change at the service what keeps it from being made. */
  readonly repair?: boolean;
  /** Hands a credential on that is kept nowhere. */
  readonly deliver?: (full: FullCredential) => Promise<void>;
  readonly proxy: string | undefined;
  /** Seconds. */
  readonly timeout: number | undefined;
}

export interface Draft {
  readonly options: SetupOptions;
  readonly service: Service;
  readonly context: Context;
  /** Absent in a script: then nothing is asked. */
  readonly terminal: Terminal | undefined;
  readonly http: HttpClient;
  readonly vault: Vault;
  readonly connection: Connection;
  /** By field key; what was refused is taken out, so that it is asked for. */
  readonly given: Map<string, Given>;
  /** Checked values by field key. */
  readonly values: Map<string, string>;
  /** The values that the server refused, together: never sent twice in a run. */
  readonly refused: Set<string>;
  /** The codes of the errors that were shown. */
  readonly told: Set<string>;
  /** What was pasted at a step, for the question that follows. */
  pasted?: string | undefined;
  /** Warnings of stages before the validation. */
  readonly warnings: Map<string, Warning>;
  /** Who signs in, once it was chosen. */
  signInBy?: SignInBy;
  /** '' when n8n does not use the client. */
  n8nCallbackUrl?: string;
  clientCheck?: ClientCheck;
  /** All that is to be registered, as the form takes it; and where this program is sent back to, if it signs in: that server is open for this run. */
  redirect?: { readonly server?: RedirectServer; readonly registered: string };
  /** What a sign-in gave. */
  tokens?: TokenSet;
  /** The secret that was made at the service in this run. */
  made?: Made;
  base?: string;
  /** The answer that proved the address, until it was used. */
  proof?: HttpResponse;
  method?: Method;
  state?: ServerState;
  store?: StoreKind;
  name?: string;
  validation?: Validation;
  /** How the secret comes to be. */
  way?: Way;
  /** Esc, where something stood in the way: what the command line chose is asked about. */
  anotherWay?: boolean;
  /** What is open at the service while a secret is made there. */
  provisioning?: OpenAtService;
  saved?: { readonly status: 'created' | 'replaced' | 'validated'; readonly full: FullCredential };
}

/** Where, by which method and under which name: what every stage behind these questions works with. */
export type PlacedDraft = Draft & { base: string; state: ServerState; method: Method; name: string };

/** And where it is kept. */
export type ReadyDraft = PlacedDraft & { store: StoreKind };

/** And what the server said of it. */
export type ValidatedDraft = ReadyDraft & { validation: Validation };

export function isPlaced(draft: Draft): draft is PlacedDraft {
  return draft.base !== undefined && draft.state !== undefined && draft.method !== undefined && draft.name !== undefined;
}

export function isReady(draft: Draft): draft is ReadyDraft {
  return isPlaced(draft) && draft.store !== undefined;
}

export function isValidated(draft: Draft): draft is ValidatedDraft {
  return isReady(draft) && draft.validation !== undefined;
}

/** 'next' when the stage asked the person something, 'through' when it did not. */
export type Outcome = 'next' | 'through' | 'back' | { readonly goTo: string };

export interface Stage {
  readonly id: string;
  readonly run: () => Promise<Outcome>;
}

/** Who is asked. In a script all that would be asked for is missing before the first stage. */
export function terminalOf({ terminal }: Draft): Terminal {
  return known(terminal, 'terminal');
}

/** A value that an earlier stage has set. Its absence is a fault of ours. */
export function known<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`a stage needs the ${what} that an earlier one sets`);
  return value;
}
