/**
 * The tables of a console in PostgreSQL, and how they come to be: every step once, in one transaction that one replica at a
 * time has. What a step once said is never changed; the next version adds one.
 */
import { AppError } from '../../errors/app-error.ts';
import type { Database } from '../../outside/postgres.ts';
import { quote } from '../../text/quote.ts';
import { patiently } from './patiently.ts';

/** The advisory locks of ours, by what they are for: the first number of two. */
export const locks = { migration: 77_651_001, replica: 77_651_002 } as const;

const steps: readonly string[] = [
  `
  create table console.texts (
    kind text not null,
    key text not null check (key ~ '^[0-9a-f]{64}$'),
    text bytea not null check (octet_length(text) <= 4194304),
    primary key (kind, key)
  );
  create table console.replicas (
    number integer generated always as identity primary key,
    called text not null,
    key text not null,
    since timestamptz(3) not null default now()
  );
  create table console.holds (
    kind text not null,
    key text not null,
    token uuid not null,
    replica integer not null,
    called text not null,
    since timestamptz(3) not null,
    primary key (kind, key)
  );
  create table console.record_head (
    one boolean primary key default true check (one),
    log uuid,
    count bigint not null default 0,
    hash text not null,
    file text not null
  );
  insert into console.record_head (hash, file) values (repeat('0', 64), 'record-000001.jsonl');
  create table console.record_lines (
    count bigint primary key,
    file text not null,
    line text not null,
    torn bytea
  );
  create function console.only_added() returns trigger language plpgsql as
    $$ begin raise exception 'the record only grows' using errcode = 'restrict_violation'; end $$;
  create trigger only_added before update or delete on console.record_lines
    for each row execute function console.only_added();
  create trigger only_added_at_all before truncate on console.record_lines
    for each statement execute function console.only_added();
  create table console.record_notes (
    count bigint primary key,
    note text not null,
    at timestamptz(3) not null default now()
  );
  create table console.record_marks (name text primary key, text text not null);
  create table console.sessions (
    digest text primary key,
    subject text not null,
    person text not null,
    principal text not null,
    thumbprint text not null,
    issued_at timestamptz(3) not null,
    sign_in text,
    opened_at timestamptz(3) not null default clock_timestamp(),
    expires_at timestamptz(3) not null
  );
  create index sessions_of_person on console.sessions (person, opened_at);
  create index sessions_of_subject on console.sessions (subject);
  create index sessions_by_end on console.sessions (expires_at);
  create table console.let_go (
    who text primary key,
    subject text not null,
    at timestamptz(3) not null
  );
  create index let_go_by_subject on console.let_go (subject);
  create table console.signed_out (key text primary key, ended text not null, at timestamptz(3) not null);
  create table console.seen (id text primary key, until timestamptz(3) not null, mark uuid not null);
  create index seen_by_end on console.seen (until);
  create table console.letters (
    id bigint generated always as identity primary key,
    replica integer not null,
    body text not null,
    answer text,
    at timestamptz(3) not null default now()
  );
  create index letters_of_replica on console.letters (replica) where answer is null;
  `,
];

/**
 * Brings the tables to what this version knows. Several at once wait for each other, and what one of them did is not done
 * again. Throws {@link DatabaseUnavailable}, and `config_invalid` for a database that a later version has, or that loses or
 * changes what it was told.
 */
export async function migrate(database: Database): Promise<void> {
  await patiently(
    () =>
      database.transaction(async (query) => {
        // A lock of the transaction is never left behind, whatever becomes of whoever has it.
        await query('select pg_advisory_xact_lock($1::integer, 0)', [locks.migration]);
        await requireGood(database.where, query);
        await query('create schema if not exists console');
        await query(
          'create table if not exists console.migrations (step integer primary key, at timestamptz(3) not null)',
        );
        const [done] = await query<{ step: string }>(
          'select coalesce(max(step), 0)::text as step from console.migrations',
        );
        const last = Number(done?.step);
        if (last > steps.length) {
          throw new AppError(
            'config_invalid',
            `the database ${quote(database.where)} is of a later version of the console`,
            {
              hint: 'start that version, or restore a backup of before it was there',
            },
          );
        }
        for (const [index, step] of steps.entries()) {
          if (index < last) continue;
          await query(step);
          await query('insert into console.migrations (step, at) values ($1::integer, now())', [index + 1]);
        }
      }),
    migrationMs,
  );
}

/** How long others may take for all of it. */
const migrationMs = 60_000;

/** What the record needs of a server: it keeps what it said it has, and every text as it was. */
async function requireGood(where: string, query: Parameters<Parameters<Database['transaction']>[0]>[0]): Promise<void> {
  const [set] = await query<{ fsync: string; commit: string; encoding: string }>(
    `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
            current_setting('server_encoding') as encoding`,
  );
  const wrong =
    set?.fsync !== 'on'
      ? 'fsync is off'
      : set.commit === 'off'
        ? 'synchronous_commit is off'
        : set.encoding !== 'UTF8'
          ? `its encoding is ${quote(set.encoding)}`
          : undefined;
  if (wrong === undefined) return;
  throw new AppError(
    'config_invalid',
    `the database ${quote(where)} does not keep what it was told as it was: ${wrong}`,
    {
      hint: 'the record has to be on the disk before anything is done: correct that setting of the server',
    },
  );
}
