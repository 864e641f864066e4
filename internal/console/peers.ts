/**
 * The replicas of one console, to each other. A run is in the memory of one of them, and whatever a person sends for it may
 * come to any: that one hands it on.
 */
import type { Principal } from '../identity/principal.ts';
import type { AnswerBody } from './protocol.ts';
import type { Gone, SignedOut } from './sessions.ts';

/** Something for a run that is elsewhere, from somebody who was proven here. */
export interface Letter {
  run: string;
  person: Pick<Principal, 'kind' | 'issuer' | 'subject'>;
  /** An answer to a question of the run; without one it is to end, as Ctrl-C ends it. */
  answer?: { question: number; body: AnswerBody };
}

/** What a replica does for the others. */
export interface Receiver {
  /** Whether the run is here, is that person's, and takes it. */
  take(letter: Letter): boolean;
  /** Where a run of that person stands that pages follow here; undefined where there is none. */
  show(whose: Omit<Letter, 'answer'>): unknown;
  /** Somebody was let go at another replica. */
  letGo(who: Gone): void;
  /** A sign-in ended, as the provider told another replica. */
  signOut(ended: SignedOut): void;
  /** Something went wrong on the way, and will be tried again. */
  failed(error: unknown): void;
}

/** The other replicas. */
export interface Peers {
  /** A name for a run that is here, by which the others find it. */
  nameOf(id: string): string;
  /** Hands a letter on; false where the run is nowhere or does not take it. Throws `database_unavailable`, and `console_refused` where nobody says whether it was taken. */
  send(letter: Letter): Promise<boolean>;
  /** What {@link Receiver.show} of the replica says that has the run; undefined where none has it. Throws as {@link Peers.send}. */
  look(whose: Omit<Letter, 'answer'>): Promise<unknown>;
  /** From now on this one does its part. */
  receive(receiver: Receiver): void;
  /** Whether the others can find this one. */
  isThere(): boolean;
  close(): Promise<void>;
}

/** What replicas tell each other of: somebody was let go. */
export const goneHint = 'gone';

/** The one replica of a console that keeps everything in files. */
export const noPeers: Peers = {
  nameOf: (id) => id,
  send: async () => false,
  look: async () => undefined,
  receive() {},
  isThere: () => true,
  async close() {},
};
