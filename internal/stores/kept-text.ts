/**
 * What is kept between runs, behind one port: small texts, each under a key, and the right to be the only one who works with
 * such a text. Files of one machine implement it (files/); a database can. What every implementation has to do is
 * test/support/store-contract.ts. What the texts mean, and what a damaged one means, is said by the feature that keeps them.
 */

export interface Workspace {
  address: string;
  /** Undefined where the configuration does not say which one it is: then the key of the platform decides. */
  id: string | undefined;
}

/** Whose something is: a principal, without what may change about them. */
export interface Person {
  kind: string;
  issuer: string;
  subject: string;
}

/**
 * What a text is kept under, all of it byte for byte. All keys of one kind have the same members: without a workspace or a
 * person is what is known before either is.
 */
export interface Key {
  workspace?: Workspace;
  person?: Person;
  name?: string;
}

/** Who holds a text. */
export interface Holder {
  /** In words, for messages: "process 4711". */
  called: string;
  /** Since when, RFC 3339. */
  since: string;
}

/** A text that is held. */
export interface Hold {
  /** Lets others go on. Does nothing where somebody else holds it by now. */
  release(): Promise<void>;
}

/** How long a holder is waited for who may be about to end. */
export interface Waiting {
  waitMs: number;
  /** Ends the wait at once. */
  signal: AbortSignal;
}

/**
 * One text. Every call throws `file_system` where it cannot be carried out, and where somebody else could have written what
 * is kept. Whoever writes reads it from then on, and so does everybody else.
 */
export interface KeptText {
  /** Where it is, for messages. */
  where: string;
  /** Undefined where nothing is kept. */
  read(): Promise<string | undefined>;
  /** Replaces it as a whole: a reader sees the old one or the new one, also where this is killed in between. */
  write(text: string): Promise<void>;
  /** Where nothing is kept is as good. */
  remove(): Promise<void>;
  /**
   * Takes the right to work with this text: one at a time has it. What a holder left that has died can be taken at once. Says
   * who holds it where they did not let go in time, or the wait was ended. It hinders nobody who reads or writes without it.
   */
  hold(waiting: Waiting): Promise<Hold | Holder>;
}

/** All texts of one kind. */
export interface KeptTexts {
  at(key: Key): KeptText;
  /** Those in which something is kept, in any order. */
  all(): Promise<KeptText[]>;
  /** Those that somebody holds, or held when they died. */
  held(): Promise<KeptText[]>;
}

/** Everything that is kept, by kind. */
export interface Stores {
  /** Which vault was found for a person of a workspace. It may be forgotten. */
  vaults: KeptTexts;
  /** The mark of the vault that a person's run began to create, of a workspace and a person. */
  creations: KeptTexts;
  /** What a run was about to do at a service, of a workspace, a person and the address of the service. */
  journals: KeptTexts;
  /** What was meant by a session, of a workspace and an attempt. */
  sessions: KeptTexts;
  /** The yeses to a call that wait for another one, of a workspace and a call; who holds one answers the call. */
  approvals: KeptTexts;
  /** How often rules have said yes, of a workspace and what it is counted for. */
  quotas: KeptTexts;
  /** What is known of sessions that have tokens of their own, of a workspace and an attempt; who holds one delivers them. */
  identities: KeptTexts;
  /** The places of the status list of a workspace; who holds it changes and publishes the list. */
  tokenStatus: KeptTexts;
  /** When the platform said of a credential that it could not renew it, of a platform and a credential. */
  refreshFailures: KeptTexts;
  /** What a console has to tell its receiver, of a platform and what it is about; who holds `sender` tells. */
  notices: KeptTexts;
  /** What the platform told of and nobody has judged yet, of a platform and a delivery; who holds one judges it. */
  toldEvents: KeptTexts;
  /** Configurations that a person said yes to, by folder. */
  confirmations: KeptTexts;
  /** Who signed in last, by client of an identity provider; who holds one changes the sign-in that is kept of it. */
  signIns: KeptTexts;
  /** Nothing, by what is kept as a secret: who holds one renews the access that local agents have. */
  localAccess: KeptTexts;
  /** Where the keys of an issuer are, by issuer. It may be forgotten. */
  issuerKeys: KeptTexts;
}
