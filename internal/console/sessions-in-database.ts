/** What replicas of one console have to know of each other at once: sessions, who was let go, and what was shown before. */
import { randomUUID } from 'node:crypto';
import { clock } from '../clock/clock.ts';
import type { Principal } from '../identity/principal.ts';
import type { Database } from '../outside/postgres.ts';
import { patiently } from '../stores/postgres/patiently.ts';
import { hint } from '../stores/postgres/replica.ts';
import { sha256 } from '../text/canonical.ts';
import { rememberedMs, type SeenProofs, shownBefore } from './dpop.ts';
import { goneHint } from './peers.ts';
import { type HeardOnce, heardMs } from './remembered.ts';
import {
  type ConsoleSessions,
  furthestAheadMs,
  type Gone,
  isMeant,
  isOf,
  keyOf,
  keyOfSignOut,
  keysOfSignOut,
  mayBeSame,
  mostOfOne,
  mostSessions,
  newSession,
  type SignedOut,
  tooManySessions,
} from './sessions.ts';

/** What was kept of somebody: text of ours, which no text from outside can break. */
function goneFrom(text: string): Gone {
  const [subject, issuer, kind] = JSON.parse(text) as [string, string | null, string | null];
  return { subject, issuer: issuer ?? undefined, kind: kind ?? undefined };
}

const lookedUpAtOnce = 1_000;

/** The sessions of all replicas, each looked at in the database: whoever is let go at one is gone at all. */
export function sessionsInDatabase(database: Database, longest?: number): ConsoleSessions {
  return {
    async open({ principal, issuedAt, signIn }, { thumbprint, until, most, proof }) {
      const { token, digest, seconds, expiresAt } = newSession(until, longest ?? most);
      const { kind, issuer, subject } = principal;
      const now = clock.now();
      const mark = proof === undefined ? null : randomUUID();
      // One commit for both: a proof that was shown before opens nothing.
      const [done] = await patiently(() =>
        database.query<{ fresh: boolean; opened: boolean }>(
          `with over as (
             delete from console.sessions where digest in (
               select digest from console.sessions where expires_at <= $8::timestamptz limit 100 for update skip locked)
           ), ${seenOver('$8')}, fresh as (
             ${seenRow('$12', '$13', '$14')}
           ), surplus as (
             delete from console.sessions where digest in (
               select digest from console.sessions where person = $3::text
               order by opened_at desc offset $9::integer for update skip locked)
             and ($14::uuid is null or exists (select 1 from fresh))
           ), opened as (
             insert into console.sessions (digest, subject, person, principal, thumbprint, issued_at, expires_at, sign_in)
             select $1::text, $2::text, $3::text, $4::text, $5::text, $6::timestamptz, $7::timestamptz, $11::text
             where ($14::uuid is null or exists (select 1 from fresh))
             and (select count(*) from (select 1 from console.sessions limit $10::integer) as few) < $10::integer
             on conflict (digest) do update set digest = excluded.digest
             returning 1
           )
           select $14::uuid is null or exists (select 1 from fresh) as fresh, exists (select 1 from opened) as opened`,
          [
            digest,
            JSON.stringify(subject),
            JSON.stringify([kind, issuer, subject]),
            JSON.stringify(principal),
            thumbprint,
            issuedAt.toISOString(),
            expiresAt.toISOString(),
            now.toISOString(),
            mostOfOne - 1,
            mostSessions,
            signIn === undefined ? null : JSON.stringify(signIn),
            JSON.stringify(proof ?? ''),
            new Date(now.getTime() + rememberedMs).toISOString(),
            mark,
          ],
        ),
      );
      if (done?.fresh !== true) throw shownBefore();
      if (!done.opened) throw tooManySessions();
      return { token, seconds };
    },
    async find(token) {
      const [row] = await patiently(() =>
        database.query<{
          principal: string;
          thumbprint: string;
          issued: string;
          expires: string;
          sign_in: string | null;
        }>(
          `select principal, thumbprint, sign_in, (extract(epoch from issued_at) * 1000)::bigint::text as issued,
                  (extract(epoch from expires_at) * 1000)::bigint::text as expires
           from console.sessions where digest = $1::text and expires_at > $2::timestamptz`,
          [sha256(token), clock.now().toISOString()],
        ),
      );
      if (row === undefined) return undefined;
      const { principal, thumbprint, issued, expires, sign_in: signIn } = row;
      return {
        principal: JSON.parse(principal) as Principal,
        thumbprint,
        issuedAt: new Date(Number(issued)),
        signIn: signIn === null ? undefined : (JSON.parse(signIn) as string),
        expiresAt: new Date(Number(expires)),
      };
    },
    async end(token) {
      await patiently(() => database.query('delete from console.sessions where digest = $1::text', [sha256(token)]));
    },
    async letGo(who, at = clock.now()) {
      return await patiently(() =>
        database.transaction(async (query) => {
          await query(
            `insert into console.let_go (who, subject, at) values ($1::text, $2::text, $3::timestamptz)
             on conflict (who) do update set at = greatest(console.let_go.at, excluded.at)`,
            [keyOf(who), JSON.stringify(who.subject), at.toISOString()],
          );
          const theirs = await query<{ digest: string; principal: string }>(
            'select digest, principal from console.sessions where subject = $1::text',
            [JSON.stringify(who.subject)],
          );
          const ended = theirs.filter(({ principal }) => isMeant(who, JSON.parse(principal) as Principal));
          await query('delete from console.sessions where digest = any($1::text[])', [
            ended.map(({ digest }) => digest),
          ]);
          await hint(query, goneHint, '');
          return ended.length;
        }),
      );
    },
    async letIn(who, at = clock.now()) {
      await patiently(() =>
        database.transaction(async (query) => {
          const those = await query<{ who: string }>(
            'select who from console.let_go where subject = $1::text and at <= $2::timestamptz for update',
            [JSON.stringify(who.subject), at.toISOString()],
          );
          const back = those.filter((each) => mayBeSame(who, goneFrom(each.who))).map((each) => each.who);
          await query('delete from console.let_go where who = any($1::text[])', [back]);
        }),
      );
    },
    async signOut(ended) {
      return await patiently(() =>
        database.transaction(async (query) => {
          // They may come in any order: the latest counts.
          await query(
            `insert into console.signed_out (key, ended, at) values ($1::text, $2::text, $3::timestamptz)
             on conflict (key) do update set ended = excluded.ended, at = excluded.at
             where signed_out.at <= excluded.at`,
            [keyOfSignOut(ended), JSON.stringify(ended), ended.at.toISOString()],
          );
          const those = await query<{ digest: string; principal: string; sign_in: string | null; issued: string }>(
            `select digest, principal, sign_in, (extract(epoch from issued_at) * 1000)::bigint::text as issued
             from console.sessions where subject = coalesce($1::text, subject)`,
            [ended.subject === undefined ? null : JSON.stringify(ended.subject)],
          );
          const theirs = those.filter(({ principal, sign_in: signIn, issued }) =>
            isOf(ended, {
              principal: JSON.parse(principal) as Principal,
              signIn: signIn === null ? undefined : (JSON.parse(signIn) as string),
              issuedAt: new Date(Number(issued)),
            }),
          );
          await query('delete from console.sessions where digest = any($1::text[])', [
            theirs.map(({ digest }) => digest),
          ]);
          await hint(query, goneHint, '');
          return theirs.length;
        }),
      );
    },
    async notSignedOut(all) {
      const found: SignedOut[] = [];
      for (let from = 0; from < all.length; from += lookedUpAtOnce) {
        const some = all.slice(from, from + lookedUpAtOnce);
        const rows = await patiently(() =>
          database.query<{ place: string }>(
            `select place::text as place from unnest($1::text[], $2::timestamptz[]) with ordinality as given (key, at, place)
             where not exists (
               select 1 from console.signed_out where signed_out.key = given.key and signed_out.at >= given.at)
             order by given.place`,
            [some.map(keyOfSignOut), some.map(({ at }) => at.toISOString())],
          ),
        );
        found.push(...rows.flatMap(({ place }) => some[Number(place) - 1] ?? []));
      }
      return found;
    },
    async standing(proven) {
      const { principal, issuedAt, signIn } = proven;
      const rows = await patiently(() =>
        database.query<{ gone: string | null; ended: string | null }>(
          `select who as gone, null as ended from console.let_go where subject = $1::text and at >= $2::timestamptz
           union all
           select null, ended from console.signed_out where key = any($3::text[])`,
          [
            JSON.stringify(principal.subject),
            new Date(issuedAt.getTime() - furthestAheadMs).toISOString(),
            keysOfSignOut({ ...principal, signIn }),
          ],
        ),
      );
      const ended = rows.flatMap((row) => (row.ended === null ? [] : [signedOutFrom(row.ended)]));
      return {
        signedOutAt: ended.find((each) => isOf(each, proven))?.at,
        isGone: rows.some(({ gone }) => gone !== null && isMeant(goneFrom(gone), principal)),
      };
    },
    async count() {
      const [row] = await database.query<{ count: string }>(
        'select count(*)::text as count from console.sessions where expires_at > $1::timestamptz',
        [clock.now().toISOString()],
      );
      return Number(row?.count);
    },
  };
}

/** Sign-ins that were said to have ended lately. */
export async function latelySignedOut(database: Database, forMs: number): Promise<SignedOut[]> {
  const rows = await database.query<{ ended: string }>(
    'select ended from console.signed_out where at > $1::timestamptz',
    [new Date(clock.now().getTime() - forMs).toISOString()],
  );
  return rows.map(({ ended }) => signedOutFrom(ended));
}

function signedOutFrom(text: string): SignedOut {
  const { issuer, subject, signIn, at } = JSON.parse(text) as Omit<SignedOut, 'at'> & { at: string };
  return { issuer, subject, signIn, at: new Date(at) };
}

/** Who was let go lately, and when: for those who look whether somebody new is among them. */
export async function lately(database: Database, forMs: number): Promise<{ who: Gone; at: number }[]> {
  const rows = await database.query<{ who: string; at: string }>(
    `select who, (extract(epoch from at) * 1000)::bigint::text as at from console.let_go where at > $1::timestamptz`,
    [new Date(clock.now().getTime() - forMs).toISOString()],
  );
  return rows.map(({ who, at }) => ({ who: goneFrom(who), at: Number(at) }));
}

/** Proofs that were shown to any replica. */
export function proofsInDatabase(database: Database): SeenProofs {
  return { isNew: async (id, now) => await seenFirst(database, id, now, rememberedMs) };
}

/** What was told to any replica. */
export function heardInDatabase(database: Database): HeardOnce {
  return {
    isNew: async (id) => await seenFirst(database, ['heard', id], clock.now(), heardMs),
    async forget(id) {
      await patiently(() =>
        database.query('delete from console.seen where id = $1::text', [JSON.stringify(['heard', id])]),
      );
    },
  };
}

/** Takes away some of what is over by a time. */
function seenOver(now: string): string {
  return `seen_over as (
    delete from console.seen where id in (
      select id from console.seen where until <= ${now}::timestamptz limit 20 for update skip locked)
  )`;
}

/** A row where nobody has seen it but whoever has this mark. Without a mark there is nothing to be seen. */
function seenRow(id: string, until: string, mark: string): string {
  return `insert into console.seen (id, until, mark)
    select ${id}::text, ${until}::timestamptz, ${mark}::uuid where ${mark}::uuid is not null
    on conflict (id) do update set mark = excluded.mark where seen.mark = excluded.mark
    returning 1`;
}

/** Whether nobody has seen it; from now on somebody has. A try whose answer was lost is made again: its own mark is no other showing. */
async function seenFirst(database: Database, id: unknown, now: Date, forMs: number): Promise<boolean> {
  const mine = randomUUID();
  const added = await patiently(() =>
    database.query(`with ${seenOver('$2')} ${seenRow('$1', '$3', '$4')}`, [
      JSON.stringify(id),
      now.toISOString(),
      new Date(now.getTime() + forMs).toISOString(),
      mine,
    ]),
  );
  return added.length === 1;
}
