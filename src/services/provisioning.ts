/**
 * What a service describes of provisioning a method's secret at the service itself, as data and small
 * calls for the core, which decides when each is asked, undone or told.
 */
import type { CredsetupError, ErrorCode } from '../errors.ts';
import type { Account, PublicFields, Secrets } from '../credential.ts';
import type { Field } from './field.ts';
import type { Api, ServerState, Values } from './api.ts';
import type { Step } from './step.ts';

/** One answer to "how does the secret come to be". */
export interface Way {
  readonly id: string;
  readonly title: string;
  /** One line on whom it suits. */
  readonly suits: string;
  /** Asked for beside the sign-in; a field of the same key as `Provisioning.optionOfWay` chooses the way in a script. */
  readonly fields: readonly Field[];
  /** False: the person has the secret. */
  readonly makes: boolean;
}

/** Somebody who is signed in at the service. */
export interface Session {
  /** For the Authorization header; protected by who opened it. */
  readonly authorization: string;
  readonly account: Account & { readonly id: string; readonly username: string };
  readonly admin: boolean;
  /** A login, which must be ended; a token that somebody gave is left as it is. */
  readonly isLogin: boolean;
  /** The service's clock when it answered, which judges ends; undefined where it does not tell. */
  readonly at: Date | undefined;
}

/** Whose secret it becomes. */
export interface Owner {
  readonly id: string;
  readonly username: string;
  readonly bot: boolean;
  /** Made in this run. */
  readonly created: boolean;
}

/** A secret that is at the service. */
export interface Listed {
  readonly id: string;
  readonly description: string;
  readonly expiresAt?: string;
}

/** A secret that was just made. */
export interface Made extends Listed {
  readonly secrets: Secrets;
  /** What else of the credential was decided by the making: a client's id, an account's name. */
  readonly fields?: PublicFields;
  /** What is registered at a client. */
  readonly redirectUris?: readonly string[];
  /** What was made, one a line, as a person finds it at the service; absent: the thing by its description and its id. */
  readonly told?: readonly string[];
}

export interface Request {
  readonly description: string;
  readonly expiresAt: Date | undefined;
  readonly way?: Way;
  readonly values?: Values;
  /** What is registered at a client, the one that the sign-in uses first. */
  readonly redirectUris?: readonly string[];
  /** A stored secret that it takes the place of: what else its id names stays, and makes the new one. */
  readonly inPlaceOf?: { readonly id: string; readonly username: string | undefined };
}

/** One change of the server, as it is shown before and told after. */
export interface Change {
  readonly id: string;
  /** What will be changed, where, from what to what. */
  readonly lines: readonly string[];
  /** What else comes with it; said before it is done, and not again after. */
  readonly details?: readonly string[];
  /** How a person undoes it. */
  readonly undoBy: string;
  /** It may do harm that only a person who reads it can judge: what a script is told instead of changing it, and the word that a person types. */
  readonly byPersonOnly?: { readonly error: CredsetupError; readonly word: string };
  /** Reads right before, stops at a difference (PERMISSION_DENIED), writes, reads back. */
  readonly apply: (api: Api, admin: Session) => Promise<void>;
  readonly undo: (api: Api, admin: Session) => Promise<void>;
}

/** What keeps a secret from being made, for certain. */
export interface Repair {
  readonly id: string;
  /** What a script is told. */
  readonly error: CredsetupError;
  /** The documented page, and what an admin does there; polled by `isGone`. */
  readonly step: Step;
  readonly isGone: (api: Api, session: Session) => Promise<boolean>;
  /** What an admin's session would change. Absent: it is a person's to do. */
  readonly change?: (api: Api, admin: Session) => Promise<Change>;
}

/** A place that the owner can be added to, so that n8n can act there. */
export interface Place {
  readonly title: string;
  readonly add: (api: Api, admin: Session, owner: Owner) => Promise<void>;
  /** Places inside it. */
  readonly inner?: (api: Api, admin: Session) => Promise<readonly Place[]>;
}

/** The service's own words for what is made there. */
export interface ProvisioningWords {
  /** What is made, in a sentence: `token`. */
  readonly thing: string;
  /** The secret itself, where the thing is more than that: `password`. */
  readonly secret?: string;
  /** What its list calls the id: `Token ID`. */
  readonly id: string;
  /** Where a person finds the id of one that was pasted. */
  readonly whereIdsStand: string;
  /** Where a person ends a sign-in that this run could not end. */
  readonly endSignIn: string;
  /** Where a further Redirect URI goes in a client's form, so that those that stand there stay. */
  readonly furtherRedirectUri?: string;
}

/** A client as it stands at the service. */
export interface Registered {
  readonly clientId: string;
  readonly redirectUris: readonly string[];
}

export interface Provisioning {
  /** The option that a script makes a secret with, without a way's own. */
  readonly option: string;
  readonly ways: readonly Way[];
  /** By which a person signs in. */
  readonly signInFields: readonly Field[];
  /** Asked for only when the server asks. */
  readonly codeField?: Field;
  /** Does instead of a sign-in; with a sign-in, it repairs. */
  readonly adminTokenField?: Field;
  readonly descriptionField?: Field;
  /** The id of a secret that was pasted, as a person gives it. */
  readonly idField?: Field;
  readonly expiryField?: Field;
  /** Several things are made one after the other: a refusal of one says nothing of those before it. */
  readonly inSteps?: true;
  /** No second secret stands beside the first: a new one ends it at once. */
  readonly replacesAtOnce?: true;
  readonly words: ProvisioningWords;
  /** The word to type before anything is changed at the server. */
  readonly repairWord: string;
  /** Why no password can be used here at all, known before one is asked for. */
  readonly signInProblem: (api: Api, state: ServerState) => CredsetupError | undefined;
  /** Days of `expiryField` as a date. Throws EXPIRY_INVALID. */
  readonly expiryOf: (days: string | undefined, version: string | undefined, now: Date) => Date | undefined;
  /** Throws PASSWORD_REJECTED, MFA_REQUIRED, MFA_REJECTED, ACCOUNT_LOCKED, ACCOUNT_DEACTIVATED, SIGN_IN_UNSUPPORTED. */
  readonly signIn: (api: Api, values: Values, protect: (secret: string) => void) => Promise<Session>;
  /** A session by an admin's token, or by the stored secret. Absent: only a sign-in may act. Throws TOKEN_REJECTED. */
  readonly withToken?: (api: Api, token: string) => Promise<Session>;
  readonly signOut: (api: Api, session: Session) => Promise<void>;
  /** Whose secret it becomes; a bot is reused or made here. */
  readonly owner: (api: Api, session: Session, way: Way, values: Values) => Promise<Owner>;
  /** What stands in the way, as far as it is known before anything is made. */
  readonly repairs: (api: Api, session: Session, way: Way, values: Values) => Promise<readonly Repair[]>;
  /** What a refusal of `owner` or `make` stands for, when an admin can change it. */
  readonly repairOf: (api: Api, code: ErrorCode, session: Session, way: Way) => Repair | undefined;
  /** Throws TOKENS_DISABLED, PERMISSION_DENIED, EXPIRY_REQUIRED, EXPIRY_INVALID. */
  readonly make: (api: Api, session: Session, owner: Owner, request: Request, protect: (secret: string) => void) => Promise<Made>;
  /** For who gave the username and the password: through the service's own pages to the address that a browser would be sent to. */
  readonly consent?: (api: Api, session: Session, made: Made, authorizationUrl: string, redirectUri: string) => Promise<string>;
  /** Proves that what was made may do what it should and nothing else. Throws PERMISSION_DENIED. */
  readonly prove?: (api: Api, session: Session, made: Made, secrets: Secrets) => Promise<void>;
  /** The id that a stored credential's own fields name. Present: an id that a person gives is never taken. */
  readonly idOf?: (fields: PublicFields) => string | undefined;
  /** The things that an id names together, in the order in which they end. Absent: it names one. */
  readonly partsOf?: (id: string) => readonly string[];
  /** The owner's secrets, and all that carries the mark; undefined when this session may not see them. */
  readonly list: (api: Api, session: Session, ownerId: string, mark?: string) => Promise<readonly Listed[] | undefined>;
  /** Ends one. One that is gone already is ended. The mark is for what must be made for a moment to end it. */
  readonly revoke: (api: Api, session: Session, id: string, mark?: string) => Promise<void>;
  /** The client that an id names; undefined where it is not there any more, or the id names none. */
  readonly registered?: (api: Api, session: Session, id: string) => Promise<Registered | undefined>;
  /** The page at which a person changes the client that an id names. */
  readonly clientPage?: (base: string, id: string) => string;
  /** False where all were registered. Throws NOT_FOUND, PERMISSION_DENIED, RESPONSE_INVALID. */
  readonly addRedirectUris?: (api: Api, session: Session, id: string, uris: readonly string[]) => Promise<boolean>;
  /** Puts back what was changed for a moment at what an id names, to make its successor. */
  readonly restore?: (api: Api, session: Session, id: string, mark: string) => Promise<void>;
  /** Where the owner can be added, for people to choose from. */
  readonly places: (api: Api, admin: Session) => Promise<readonly Place[]>;
}
