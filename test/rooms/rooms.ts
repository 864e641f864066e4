/**
 * The rooms of the product, from top to bottom: each may use what stands below it, and nothing above. The lint rules in
 * .biome.json and the table of docs/architecture.md are made from this table: npm run rooms.
 */

/** One room, and what it may use of the world outside beyond what every room may. */
export interface Room {
  /** Its folder, and the word that import lines have of it. */
  folder: string;
  holds: string;
  /** Modules that are kept from all rooms but those that name them. */
  may?: readonly (keyof typeof kept)[];
  /** Whether it may use `fetch` and `process`. */
  globals?: true;
}

/** Modules that belong to few rooms, and what those who may not have them are told. */
const reach = 'reach the outside through internal/outside or internal/platform';
const verbs = 'what is asked of the platform is one of its verbs, such as platform.vaults.archive';
const kept = {
  'node:fs': reach,
  'node:fs/promises': reach,
  'node:http': reach,
  'node:https': reach,
  'node:net': reach,
  'node:child_process': reach,
  'node:os': reach,
  'node:process': reach,
  'node:timers/promises': 'waiting follows the clock: internal/clock',
  open: reach,
  'env-paths': reach,
  commander: 'only the command line knows its words',
  ora: 'only the command line knows a terminal',
  chalk: 'only the command line knows a terminal',
  hono: 'only pages are made with it',
  'openid-client': 'only internal/oauth speaks OAuth',
  oauth4webapi: 'only internal/oauth speaks OAuth',
  '@anthropic-ai/sdk': 'only internal/platform speaks to the platform',
  '@modelcontextprotocol/sdk': 'only internal/outside/mcp.ts speaks MCP',
  pg: 'only internal/outside/postgres.ts asks a database',
} as const;

/** The rooms, the highest first. */
export const rooms: readonly Room[] = [
  {
    folder: 'cmd',
    holds: 'the three executables: words into one request, its result into text and JSON',
    may: ['commander'],
  },
  {
    folder: 'cli',
    holds: 'the shell that the three share: program, process, terminal, completion, errors as they are printed',
    may: ['commander', 'ora', 'chalk', 'node:fs', 'node:net', 'node:os', 'node:process'],
    globals: true,
  },
  {
    folder: 'wrap',
    holds: 'an MCP server of stdio as a protected remote one: who calls, what they may, and a server for each of them',
  },
  {
    folder: 'console',
    holds:
      'the process that holds the key for many: who asks, which role, runs and their lines; and commands that ask it',
    may: ['hono'],
  },
  { folder: 'run', holds: 'what a run is composed of: configuration, proof, platform, stores' },
  { folder: 'page', holds: 'the page of buttons: routes, forms, one place for each person', may: ['hono'] },
  { folder: 'offboarding', holds: 'ending everything of one person' },
  { folder: 'approval', holds: 'calls that wait: who says yes to one, what a yes is bound to, and what it is worth' },
  { folder: 'audit', holds: 'the platform held against the record: tool calls, and what no act explains' },
  { folder: 'session', holds: 'sessions: what one is bound to, its turns, calls that wait, its end' },
  { folder: 'tool-review', holds: 'what services offer, what was reviewed of it, and what changed' },
  { folder: 'skills', holds: 'skills: reading, scanning, planning, pushing, pulling' },
  { folder: 'agent', holds: 'agents and environments: plan, apply, adopt' },
  { folder: 'connection', holds: 'a service in a vault: becoming a client, granting, storing, checking, ending' },
  {
    folder: 'session-token',
    holds: 'tokens that name a session: their claims, keys, delivery, and what takes them back',
  },
  { folder: 'vault', holds: 'vaults and whose they are' },
  { folder: 'policy', holds: 'who may use what, and which tool is on; pure' },
  { folder: 'offer', holds: 'what servers say of their tools, and what is suspicious of it; pure' },
  { folder: 'identity', holds: 'who is operating, and how that is proven' },
  {
    folder: 'oauth',
    holds: 'OAuth and OpenID: discovery, registration, flows, revocation',
    may: ['openid-client', 'oauth4webapi'],
  },
  { folder: 'record', holds: 'the record of what was changed: its lines, their chain, and whether it is whole' },
  {
    folder: 'platform',
    holds: 'the platform: its requests, what it answers, what is known after a lost answer',
    may: ['@anthropic-ai/sdk', 'node:http', 'node:https'],
    globals: true,
  },
  { folder: 'config', holds: 'the reviewed files: their shapes, rules and references' },
  { folder: 'stores', holds: 'what is kept between runs: texts, secrets, lock files, and who may work with one' },
  {
    folder: 'outside',
    holds: 'one file for each outside thing: files, keychain, sockets, browsers, programs, services',
    may: [
      'node:fs',
      'node:fs/promises',
      'node:http',
      'node:https',
      'node:net',
      'node:child_process',
      'node:os',
      'node:process',
      'open',
      'env-paths',
      '@modelcontextprotocol/sdk',
      'pg',
    ],
    globals: true,
  },
  { folder: 'markup', holds: 'how text becomes part of a page', may: ['hono'] },
  { folder: 'errors', holds: 'codes, exit codes and hints' },
  { folder: 'text', holds: 'quoting, tables, canonical JSON' },
  { folder: 'secret', holds: 'values that are not printed' },
  { folder: 'async', holds: 'what is done beside each other' },
  { folder: 'clock', holds: 'the time of a run: reading it, waiting, limits' },
  {
    folder: 'verify',
    holds: 'what authors of MCP servers import: session tokens verified, with nothing else of the product',
    globals: true,
  },
];

/** Where a room is. */
export function placeOf({ folder }: Room): string {
  return folder === 'cmd' ? 'cmd' : `internal/${folder}`;
}

/** A test beside the source reaches the official client through the sandbox. */
const onlySandbox = {
  level: 'error',
  options: {
    paths: { '@anthropic-ai/sdk': 'sdkClient of test/sandbox/platform' },
    patterns: [{ group: ['@anthropic-ai/sdk/**'], message: 'sdkClient of test/sandbox/platform' }],
  },
};

/** What .biome.json says of the rooms: its `overrides`. */
export function lintOverrides(): unknown[] {
  const circles = { level: 'error', options: { ignoreTypes: false } };
  return [
    {
      includes: ['internal/**', 'cmd/**', '!**/*.test.ts'],
      linter: { rules: { suspicious: { noImportCycles: circles } } },
    },
    {
      // What runs in the servers of others has their clock.
      includes: ['internal/**/*.ts', 'cmd/**/*.ts', '!internal/clock/**', '!internal/verify/**', '!**/*.test.ts'],
      plugins: ['./internal/clock/lint.grit'],
    },
    {
      includes: ['internal/**/*.ts', 'cmd/**/*.ts', '!**/*.test.ts'],
      plugins: ['./internal/text/lint.grit'],
    },
    {
      includes: ['internal/**/*.test.ts', 'cmd/**/*.test.ts', '!internal/platform/**'],
      linter: { rules: { style: { noRestrictedImports: onlySandbox } } },
    },
    ...rooms.map((room, index) => ({
      includes: [`${placeOf(room)}/**/*.ts`, '!**/*.test.ts'],
      linter: { rules: { style: { noRestrictedImports: importsOf(room, index), ...globalsOf(room) } } },
    })),
  ];
}

function importsOf({ may = [], folder }: Room, index: number) {
  const denied = Object.entries(kept).filter(([name]) => !may.some((allowed) => allowed === name));
  // As import lines have it: a package may have a folder of the same name.
  const above = rooms
    .slice(0, index)
    .flatMap((room) => ['..', '../..', '../../..'].map((up) => `${up}/${room.folder}/**`));
  const patterns = [
    { group: ['**/test/**'], message: 'arrows go from tests to the product, never back' },
    ...(above.length === 0 ? [] : [{ group: above, message: `${folder} stands below: docs/architecture.md` }]),
    // What is kept is kept with all its entry points.
    ...denied.flatMap(([name, message]) => (name.startsWith('node:') ? [] : [{ group: [`${name}/**`], message }])),
    ...(folder === 'platform' ? [] : [{ group: ['**/platform/sdk.ts', '**/platform/door.ts'], message: verbs }]),
    ...(folder === 'cmd' ? [{ group: ['**/outside/**'], message: 'a command calls features, not doors' }] : []),
  ];
  return { level: 'error', options: { paths: Object.fromEntries(denied), patterns } };
}

function globalsOf({ globals }: Room) {
  if (globals) return {};
  const deniedGlobals = { fetch: reach, process: reach };
  return { noRestrictedGlobals: { level: 'error', options: { deniedGlobals } } };
}

/** The table of docs/architecture.md, a line each. */
function roomsTable(): string[] {
  return [
    '| room | holds | alone may use |',
    '| --- | --- | --- |',
    ...rooms.map((room) => {
      const may = room.may?.map((name) => `\`${name}\``).join(' ') ?? '';
      return `| \`${placeOf(room)}/\` | ${room.holds} | ${may} |`;
    }),
  ];
}

/** A text with the generated lines between its two markers. Throws where the markers are missing. */
export function withTable(text: string): string {
  const [begin, end] = ['<!-- rooms -->\n', '<!-- end of rooms -->'];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error('the page has no markers for the table of rooms');
  return `${text.slice(0, from + begin.length)}${roomsTable().join('\n')}\n${text.slice(to)}`;
}
