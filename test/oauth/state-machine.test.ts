/**
 * The flow as a state machine, with the other side making any moves, good and bad, in any combination: a grant is stored
 * exactly when state, issuer, PKCE and account were right and everybody else let it pass. The token endpoint checks the
 * verifier itself, and the platform says what was stored.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Consent, hostileWorld } from './hostile-world.ts';
import { type Place, type Script, startScriptedService } from './scripted-service.ts';

const world = hostileWorld();

/** A move of the other side. */
interface Move<Act> {
  name: string;
  /** Whether a grant may be stored after it. */
  good: boolean;
  act: Act;
}

type Lie = NonNullable<Script[Place]>;

const honest: Lie = () => undefined;
const good = <Act>(name: string, act: Act): Move<Act> => ({ name, good: true, act });
const bad = <Act>(name: string, act: Act): Move<Act> => ({ name, good: false, act });
const with_ =
  (changes: Record<string, unknown>, status?: number): Lie =>
  ({ honest: document }) => ({ json: { ...document, ...changes }, ...(status !== undefined && { status }) });
const named =
  (account: unknown): Lie =>
  ({ honest: answer }) => ({ json: { ...answer, result: { content: [], structuredContent: account } } });

const moves = {
  challenge: [
    good('names the metadata', honest),
    good('names nothing', () => ({ status: 401, headers: { 'www-authenticate': 'Bearer' } })),
    bad('names metadata over http', () => ({
      status: 401,
      headers: { 'www-authenticate': 'Bearer resource_metadata="http://evil.example/"' },
    })),
  ],
  resource: [
    good('is the server', honest),
    good('is its origin', ({ honest: document, origin }) => ({ json: { ...document, resource: origin } })),
    bad('is another', with_({ resource: 'https://honest.example/mcp' })),
    bad('names another authorization server', with_({ authorization_servers: ['https://honest.example'] })),
    bad('names none', with_({ authorization_servers: [] })),
  ],
  metadata: [
    good('is right', honest),
    good('promises no issuer', with_({ authorization_response_iss_parameter_supported: undefined })),
    bad('claims another issuer', with_({ issuer: 'https://honest.example' })),
    bad('has no PKCE', with_({ code_challenge_methods_supported: undefined })),
    bad('has plain PKCE only', with_({ code_challenge_methods_supported: ['plain'] })),
    bad('has a script for an endpoint', with_({ authorization_endpoint: 'javascript:alert(1)' })),
    bad('has its tokens over http', with_({ token_endpoint: 'http://evil.example/token' })),
  ],
  registration: [
    good('is right', honest),
    good('answers 200', with_({}, 200)),
    bad('is of another redirect URI', with_({ redirect_uris: ['https://evil.example/'] }, 201)),
    bad('is refused', () => ({ status: 403, text: 'no' })),
  ],
  token: [
    good('is given', honest),
    good('comes alone', with_({ refresh_token: undefined })),
    bad('is refused with 200', with_({ access_token: undefined, error: 'invalid_grant' })),
    bad('is of another kind', with_({ token_type: 'mac' })),
    bad('is late', () => ({ status: 503 })),
  ],
  account: [
    good('is the person’s', honest),
    good('is the person’s, in capitals', named({ user: { email: 'ADA@Example.test' } })),
    bad('is another', named({ user: { email: 'mallory@evil.example' } })),
    bad('has no name', named({})),
  ],
} satisfies Record<string, Move<Lie>[]>;

/** What arrives at the listener. */
type Arrival = (consent: Consent) => Promise<unknown>;

const right = ({ state, url }: Consent) => `state=${state}&iss=${url.origin}`;

/** What must have no effect. */
const noise: Move<Arrival>[] = [
  good('a wrong state', ({ send, url }) => send(`code=evil&state=wrong&iss=${url.origin}`)),
  good('no state', ({ send, url }) => send(`code=evil&iss=${url.origin}`)),
  good('an error without a state', ({ send }) => send('error=access_denied')),
  good('the state twice', (at) => at.send(`code=evil&${right(at)}&state=${at.state}`)),
  good('a HEAD', (at) => at.send(`code=evil&${right(at)}`, { method: 'HEAD' })),
  good('another host', (at) => at.send(`code=evil&${right(at)}`, { headers: { host: 'evil.example' } })),
  good('an image', (at) => at.send(`code=evil&${right(at)}`, { headers: { 'sec-fetch-dest': 'image' } })),
  good('another path', (at) => at.send('', { target: `/callback/?code=evil&${right(at)}` })),
];

/** What decides. */
const answers: Move<Arrival>[] = [
  good('the answer', async ({ allow, send }) => send((await allow()).search.slice(1))),
  bad('another issuer', ({ send, state }) => send(`code=evil&state=${state}&iss=https://honest.example`)),
  bad('a code that is not ours', (at) => at.send(`code=evil&${right(at)}`)),
  bad('a denial', ({ deny }) => deny()),
];

const vaults: Move<() => void>[] = [
  good('stores it', () => {}),
  good('stores it, and its answer is lost', () => onCreate({ kind: 'drop-after-commit' })),
  bad('refuses it', () => onCreate({ kind: 'status', status: 400 })),
];

function onCreate(fault: { kind: 'drop-after-commit' } | { kind: 'status'; status: number }): void {
  world.sandbox.platform.control.faults.add({ on: 'POST /v1/vaults/:vault/credentials', fault });
}

/** One of the moves, a good one more often than not, so that runs get far. */
function oneOf<Act>(choices: readonly Move<Act>[]): fc.Arbitrary<Move<Act>> {
  const [first, ...rest] = choices.filter((move) => move.good);
  return fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...(first === undefined ? [] : [first]), ...rest) },
    { weight: 1, arbitrary: fc.constantFrom(...choices.filter((move) => !move.good)) },
  );
}

const games = fc.record({
  challenge: oneOf(moves.challenge),
  resource: oneOf(moves.resource),
  metadata: oneOf(moves.metadata),
  registration: oneOf(moves.registration),
  noise: fc.array(fc.constantFrom(...noise), { maxLength: 4 }),
  answer: oneOf(answers),
  token: oneOf(moves.token),
  account: oneOf(moves.account),
  vault: oneOf(vaults),
});

test('nothing is stored but what passed state, issuer, PKCE and account [A1.8] [A1.14] [A1.20] [c1] [c6] [c13] [connecting]', {
  timeout: 120_000,
}, async () => {
  const counts = { stored: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(games, async (game) => {
      const script = Object.fromEntries(
        Object.keys(moves).map((place) => [place, game[place as keyof typeof moves].act]),
      );
      const service = await startScriptedService(script);
      game.vault.act();
      const { exit, stdout, stderr } = await world.connect({
        service,
        browse: async (consent) => {
          for (const { act } of [...game.noise, game.answer]) await act(consent);
        },
      });
      world.sandbox.platform.control.faults.clear();
      const stored = await world.stored();
      await world.forget();

      const places = Object.keys(moves).map((place) => game[place as keyof typeof moves]);
      const expected = [...places, game.answer, game.vault].every((move) => move.good);
      counts[stored > 0 ? 'stored' : 'refused'] += 1;
      expect([stored, exit === 0, stdout !== ''], stderr).toEqual([expected ? 1 : 0, expected, expected]);
      if (stored > 0) expect(service.exchanged()).toBe(1);
      expect(exit).not.toBe(70);
      expect(service.tokenRequests().length).toBeLessThanOrEqual(1);
    }),
    // On a machine that does ten things at once fewer games have to do.
    { numRuns: 60, interruptAfterTimeLimit: 40_000 },
  );
  process.stdout.write(`state machine: stored ${counts.stored}, refused ${counts.refused}\n`);
  expect([counts.stored > 0, counts.refused > 0]).toEqual([true, true]);
});
