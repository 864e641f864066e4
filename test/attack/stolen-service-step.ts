/** A thief answers the step at a service first, with its own account: it comes into nobody's vault. */
import { setTimeout as sleep } from 'node:timers/promises';
import { visit } from '../sandbox/visit.mjs';
import { askOn } from '../support/ask.ts';
import { atAuthorization } from '../support/begin.ts';
import type { Attack } from './attack.ts';
import { cannotBeSomebodyElse, standIn, startingTimeMs, startThief, type Theft } from './somebody-else.ts';
import { openStage } from './stage.ts';

/** What one race ended with. */
type Ended = 'connected' | 'contested' | 'otherwise';

/** Runs the races, against another account where the run is root, and against a program that knows the state. */
export async function stolenServiceStep(races = 100): Promise<Attack[]> {
  return [...(cannotBeSomebodyElse === false ? [await byAnotherAccount(races)] : []), await withoutTheCookie(races)];
}

async function byAnotherAccount(races: number): Promise<Attack> {
  const thief = await startThief();
  try {
    return await raced('another account reads the address of the step at a service in ps and goes first', races, {
      thefts: thief.thefts,
      browse: (race) => async (address) => {
        const browser = standIn(address);
        await sleep(startingTimeMs(race));
        return await visit(address, { person: 'ada', timeoutMs: 5_000 }).finally(() => browser.stdin?.end());
      },
    });
  } finally {
    await thief.stop();
  }
}

async function withoutTheCookie(races: number): Promise<Attack> {
  return await raced('a program that knows the state answers the step at a service without its cookie', races, {
    browse: (race) =>
      atAuthorization(async (address, begun) => {
        const steal = async () => {
          const { url } = await visit(address, { person: 'mallory', comesBack: false });
          return await askOn(url);
        };
        const honest = async () => await visit(address, { person: 'ada', begun });
        if (race % 2 === 0) await steal().then(honest);
        else await Promise.allSettled([steal(), honest()]);
      }),
  });
}

async function raced(
  attack: string,
  races: number,
  way: { browse: (race: number) => (address: string) => Promise<unknown>; thefts?: readonly Theft[] },
): Promise<Attack> {
  const stage = await openStage({ keep: true });
  const ended: Ended[] = [];
  const accounts = new Set<string>();
  try {
    const folder = await stage.machine();
    const { exit, stderr } = await stage.connect(['login'], { folder, person: 'ada' });
    if (exit !== 0) throw new Error(stderr);
    for (let race = 0; race < races; race += 1) {
      const done = await stage.connect(['notion'], { folder, browse: way.browse(race) });
      const contested = done.exit === 3 && done.stderr.includes('[sign_in_contested]');
      ended.push(done.exit === 0 ? 'connected' : contested ? 'contested' : 'otherwise');
      for (const account of await stage.accounts()) accounts.add(account);
    }
  } finally {
    await stage.close();
  }
  const count = (end: Ended) => ended.filter((each) => each === end).length;
  const { thefts } = way;
  const found = thefts === undefined ? '' : `; the thief found ${thefts.length} addresses`;
  const strangers = [...accounts].filter((account) => !account.startsWith('ada@'));
  return {
    attack: `${attack}, ${races} races`,
    must: 'the vault holds the account of the person, or the run ends with sign_in_contested; never that of the thief',
    happened: `${count('connected')} connected, ${count('contested')} ended contested, ${count('otherwise')} ended otherwise; accounts of others: ${strangers.length}${found}`,
    held:
      ended.length === races &&
      strangers.length === 0 &&
      count('otherwise') === 0 &&
      count('contested') > 0 &&
      (thefts === undefined || (thefts.length > 0 && thefts.every(({ went }) => went <= 1))),
  };
}
