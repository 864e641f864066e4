/** What proving somebody takes and gives, whichever way the configuration allows. */
import type { Identity, Requirement } from '../config/definitions.ts';
import type { BrowserVisit } from '../oauth/browser-visit.ts';
import type { Secret } from '../secret/secret.ts';
import type { KeptSecret } from '../stores/kept-secret.ts';
import type { Stores } from '../stores/kept-text.ts';
import type { Principal } from './principal.ts';
import type { SsoProvider } from './sso-provider.ts';
import type { TokenPlaces } from './workload-source.ts';

/** What a proof is made of. */
export interface ProofRequest {
  identity: Identity;
  sudoUid: string | undefined;
  visit: BrowserVisit;
  /** Where a sign-in is kept; undefined where it is not. */
  place: KeptSecret | undefined;
  /** What a person can do who wants it kept where it is not. */
  keepInstead: string | undefined;
  /** Whether this is a CI job. It can only choose which proof is asked for, never say who somebody is. */
  inCi: boolean;
  /** Where the token of a CI job could be. */
  tokenPlaces: TokenPlaces;
  stores: Pick<Stores, 'signIns' | 'issuerKeys'>;
  /** The token of the person that whoever started the run handed over. */
  handed: HandedToken | undefined;
  /** What file system it is on says whether an account of this machine is anybody. */
  stateFolder: string;
  /** Asks a person for a yes; undefined where nobody can be asked. */
  confirm: ((question: string) => Promise<boolean>) | undefined;
}

/** A token of the person, from a program that they have signed in to; it proves what it proves and is believed no further. */
export interface HandedToken {
  token: Secret;
  /** Whose token it says that it is; undefined where it does not say. */
  issuer: string | undefined;
  /** Where it came from, in words. */
  called: string;
}

/** What one command wants of a proof. */
export interface ProofChoice {
  /** What the sign-in has to show beyond what the identity itself requires. */
  requirement?: Requirement | undefined;
  /** Sign in where it is needed (the default), whatever is kept, or not at all: then it ends with `sign_in_needed`. */
  sign?: 'needed' | 'always' | 'never';
  /** Through the device flow, where the visit shows codes. */
  byCode?: boolean;
  /** The command that signs somebody in, for the hint. */
  command?: string;
}

/** Somebody who is proven. */
export interface Proven {
  principal: Principal;
  /** Where the proof comes from: this run's own sign-in, one that was kept, renewed, or handed over, or the system. */
  source: 'fresh' | 'kept' | 'renewed' | 'handed' | 'system';
  /** Until when it is a proof; undefined where it does not expire. */
  expiresAt: Date | undefined;
  /** Where it is kept, in words. */
  keptIn: string | undefined;
  /** The token that proves it, for a console to judge anew; undefined for an account of this machine. */
  token: Secret | undefined;
  /** The provider that the token is of, as it was asked in this run; only of a sign-in of this machine. */
  provider?: SsoProvider;
}

/** A proof that has begun. */
export interface Proof {
  prove(choice?: ProofChoice): Promise<Proven>;
  /** Ends what is under way: nobody wants to know any more. */
  abandon(): Promise<void>;
}
