import { expect, test } from 'vitest';
import type { Service } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import type { AuthorizationServer } from '../oauth/authorization-server.ts';
import { InsufficientScope, type ScopeCase } from './scopes.ts';
import { attemptWithStepUps } from './step-up.ts';

const known: ScopeCase = {
  service: { name: 'x', authorization: {} } as Service,
  found: { scopes: ['a'], offeredScopes: ['a'], withoutMetadata: false },
  server: { issuer: 'https://as.example' } as AuthorizationServer,
  choice: { kind: 'usual' },
  existing: undefined,
};

/** Runs attempts at a service that wants `wants` one after the other, and says what was asked for. */
async function run(wants: (attempt: number) => readonly string[] | Error | undefined) {
  const asked: (string[] | undefined)[] = [];
  const said: string[] = [];
  const outcome = await attemptWithStepUps(
    known,
    (text) => said.push(text),
    async (scopes, granted) => {
      asked.push(scopes);
      if (asked.length > 9) throw new Error('asked without end');
      granted(scopes ?? []);
      const wanted = wants(asked.length);
      if (wanted instanceof Error) throw wanted;
      if (wanted !== undefined) throw new InsufficientScope(known.service, wanted);
    },
  ).catch((error: unknown) => error);
  return { asked, said, outcome };
}

test('goes on until the scopes reach, and says what the person is asked again for [A1.18]', async () => {
  const { asked, said, outcome } = await run((attempt) => [undefined, ['b'], ['c']][attempt % 3]);
  expect([asked, outcome]).toEqual([[['a'], ['a', 'b'], ['a', 'b', 'c']], undefined]);
  expect(said).toEqual([
    'x wants more scopes than it granted: you are asked again, for "a", "b"',
    'x wants more scopes than it granted: you are asked again, for "a", "b", "c"',
  ]);
});

test('ends where the service never has enough: nobody is asked more than three times [A1.18] [connecting]', async () => {
  const { asked, outcome } = await run((attempt) => [`s${attempt}`]);
  expect(asked).toHaveLength(3);
  expect(outcome).toBeInstanceOf(InsufficientScope);
});

test('asks for the same scopes only once [A1.18]', async () => {
  const { asked, outcome } = await run(() => ['a']);
  expect(asked).toEqual([['a']]);
  expect(outcome).toBeInstanceOf(InsufficientScope);
});

test('answers no other failure by asking again', async () => {
  const refused = new AppError('service_refused', 'no');
  const { asked, outcome } = await run(() => refused);
  expect([asked, outcome]).toEqual([[['a']], refused]);
});
