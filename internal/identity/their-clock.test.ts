import { describe, expect, test } from 'vitest';
import { type Clock, inTimeOf, machineClock } from '../clock/clock.ts';
import type { Fetch } from '../outside/http.ts';
import { type IdTokenFlaw, IdTokenRefused } from './id-token.ts';
import { theirClock } from './their-clock.ts';

const noon = Date.parse('2026-11-30T12:00:00Z');
const here: Clock = { ...machineClock, now: () => new Date(noon) };
const at = (seconds: number) => noon / 1000 + seconds;

/** What is said of a flaw by whoever has seen answers that were made so many seconds from now, and kept by a cache for others. */
async function said(flaw: IdTokenFlaw, time: number | undefined, answers: [made: number, age?: string][], margin = 60) {
  return await inTimeOf(here, async () => {
    const clock = theirClock('https://idp.example', margin);
    for (const [made, age] of answers) {
      const headers = { date: new Date(noon + made * 1000).toUTCString(), ...(age !== undefined && { age }) };
      const fetch: Fetch = async () => new Response(null, { headers });
      await clock.watch(fetch)('https://idp.example/');
    }
    const error = new IdTokenRefused('https://idp.example', flaw, 'it is refused', 'a hint', time);
    const explained = clock.explained(error);
    return explained === error ? undefined : (explained as IdTokenRefused).message;
  });
}

const both = (there: string) => expect.stringContaining(`here it is 2026-11-30T12:00:00Z, and there ${there}`);

describe('clocks that are apart explain', () => {
  test.each<[string, IdTokenFlaw, number, [number, string?][], string]>([
    ['a token that has not expired there', 'expired', at(-120), [[-600]], '2026-11-30T11:50:00Z'],
    ['one that is issued there already', 'issued_in_future', at(600), [[600]], '2026-11-30T12:10:00Z'],
    ['one that is valid there already', 'not_yet_valid', at(300), [[600]], '2026-11-30T12:10:00Z'],
    ['a sign-in that was there already', 'auth_time', at(300), [[600]], '2026-11-30T12:10:00Z'],
    ['it from behind a cache', 'expired', at(-120), [[-1200, '600']], '2026-11-30T11:50:00Z'],
    ['it by the latest that was heard', 'issued_in_future', at(600), [[600], [-3600]], '2026-11-30T12:10:00Z'],
  ])('%s', async (_case, flaw, time, answers, there) => {
    expect(await said(flaw, time, answers)).toEqual(both(there));
  });
});

describe('clocks do not explain', () => {
  test.each<[string, IdTokenFlaw, number | undefined, [number, string?][], number?]>([
    ['what nobody has told a time for', 'expired', at(-120), []],
    ['what is within the margin', 'expired', at(-120), [[-60]]],
    ['what is within a wider margin', 'expired', at(-500), [[-290]], 300],
    // Google gives its metadata from a cache: the token is old, and no clock is wrong.
    ['an old token, where the answer was kept by a cache', 'expired', at(-120), [[-3000, '3000']]],
    ['an old token, where one of two answers was', 'expired', at(-120), [[-3000], [0]]],
    ['a token that has expired by their clock as well', 'expired', at(-3600), [[-600]]],
    ['one that is in the future by theirs as well', 'issued_in_future', at(3600), [[600]]],
    ['one that expired, where theirs is ahead', 'expired', at(-120), [[600]]],
    ['a flaw that no time decided', 'auth_time', undefined, [[600]]],
    ['another flaw', 'signature', at(0), [[600]]],
    ['an age that is none', 'expired', at(-120), [[-600, 'old']]],
  ])('%s', async (_case, flaw, time, answers, margin) => {
    expect(await said(flaw, time, answers, margin)).toBeUndefined();
  });
});
