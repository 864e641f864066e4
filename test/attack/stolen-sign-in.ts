/** A thief answers the sign-in of somebody else first, as itself: whoever the run becomes, it is not the thief. */
import { setTimeout as sleep } from 'node:timers/promises';
import { visit } from '../sandbox/visit.mjs';
import { askOn } from '../support/ask.ts';
import { atAuthorization } from '../support/begin.ts';
import type { Attack } from './attack.ts';
import { cannotBeSomebodyElse, standIn, startingTimeMs, startThief, type Theft } from './somebody-else.ts';
import { openStage } from './stage.ts';

/** What one race ended with. */
type Ended = 'ada' | 'contested' | 'stolen' | 'otherwise';

/** Runs the races, each against another account where the run is root, and against a program that knows the state. */
export async function stolenSignIn(races = 100): Promise<Attack[]> {
  return [...(cannotBeSomebodyElse === false ? [await byAnotherAccount(races)] : []), await withoutTheCookie(races)];
}

async function byAnotherAccount(races: number): Promise<Attack> {
  const stage = await openStage({ keep: false });
  const thief = await startThief();
  const ended: Ended[] = [];
  try {
    for (let race = 0; race < races; race += 1) {
      const { exit, stdout, stderr } = await stage.connect(['list', '--json'], {
        folder: await stage.machine(),
        browse: async (address) => {
          const browser = standIn(address);
          await sleep(startingTimeMs(race));
          return await visit(address, { person: 'ada', timeoutMs: 5_000 }).finally(() => browser.stdin?.end());
        },
      });
      ended.push(howItEnded(exit, stdout, stderr, stage.sandbox.people.ada.subject));
    }
  } finally {
    await thief.stop();
    await stage.close();
  }
  return attemptOf('another account reads the address of a sign-in in ps and goes first', races, ended, thief.thefts);
}

async function withoutTheCookie(races: number): Promise<Attack> {
  const stage = await openStage({ keep: false });
  const ended: Ended[] = [];
  let tried = 0;
  try {
    for (let race = 0; race < races; race += 1) {
      const { exit, stdout, stderr } = await stage.connect(['list', '--json'], {
        folder: await stage.machine(),
        browse: atAuthorization(async (address, begun) => {
          const steal = async () => {
            const { url } = await visit(address, { person: 'mallory', comesBack: false });
            tried += 1;
            return await askOn(url);
          };
          const honest = async () => await visit(address, { person: 'ada', begun });
          // The one after the other, and both at once.
          if (race % 3 === 0) await steal().then(honest);
          else if (race % 3 === 1) await Promise.all([steal(), honest()]);
          else await honest().then(steal);
        }),
      });
      ended.push(howItEnded(exit, stdout, stderr, stage.sandbox.people.ada.subject));
    }
  } finally {
    await stage.close();
  }
  const attempt = attemptOf('a program that knows the state answers a sign-in without its cookie', races, ended);
  return {
    ...attempt,
    happened: `${attempt.happened}; ${tried} answers were brought`,
    held: attempt.held && tried > 0,
  };
}

function howItEnded(exit: number, stdout: string, stderr: string, honest: string): Ended {
  if (exit === 3 && stderr.includes('sign_in_contested')) return 'contested';
  if (exit !== 0) return 'otherwise';
  const { owner } = JSON.parse(stdout) as { owner: { subject: string } };
  return owner.subject === honest ? 'ada' : 'stolen';
}

function attemptOf(attack: string, races: number, ended: readonly Ended[], thefts?: readonly Theft[]): Attack {
  const count = (end: Ended) => ended.filter((each) => each === end).length;
  const found =
    thefts === undefined
      ? ''
      : `; the thief found ${thefts.length} addresses and was let on at ${thefts.filter(({ went }) => went > 1).length}`;
  return {
    attack: `${attack}, ${races} races`,
    must: 'the run is the person, or ends with sign_in_contested; never the thief',
    happened: `${count('ada')} were the person, ${count('contested')} ended contested, ${count('stolen')} were the thief, ${count('otherwise')} ended otherwise${found}`,
    held:
      ended.length === races &&
      count('stolen') + count('otherwise') === 0 &&
      count('contested') > 0 &&
      (thefts === undefined || (thefts.length > 0 && thefts.every(({ went }) => went <= 1))),
  };
}
