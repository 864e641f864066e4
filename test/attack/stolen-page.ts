/** A thief opens the page of buttons of somebody else first: it gets no cookie, sees nothing and presses nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { visit } from '../sandbox/visit.mjs';
import { ask } from '../support/ask.ts';
import { enterPage } from '../support/page-visitor.ts';
import type { Attack } from './attack.ts';
import { cannotBeSomebodyElse, standIn, startingTimeMs, startThief } from './somebody-else.ts';
import { openStage, type Stage } from './stage.ts';

/** How the person's browser and whoever else is there got on. */
interface Race {
  exit: number;
  contested: boolean;
  /** Whether the thief was given a cookie. */
  stolen: boolean;
}

/** Runs the races, against another account where the run is root, and against a program that has the address late. */
export async function stolenPage(races = 100): Promise<Attack[]> {
  return [...(cannotBeSomebodyElse === false ? [await byAnotherAccount(races)] : []), await byASecondVisit(races)];
}

/** A stage on which Ada is signed in already, so that the page itself is what the browser is started with. */
async function signedIn(): Promise<{ stage: Stage; folder: string }> {
  const stage = await openStage({ keep: true });
  const folder = await stage.machine();
  const { exit, stderr } = await stage.connect(['login'], { folder, person: 'ada' });
  if (exit !== 0) throw new Error(stderr);
  return { stage, folder };
}

async function byAnotherAccount(races: number): Promise<Attack> {
  const { stage, folder } = await signedIn();
  const thief = await startThief();
  const ended: Race[] = [];
  try {
    for (let race = 0; race < races; race += 1) {
      const before = thief.thefts.length;
      const { exit, stderr } = await stage.connect([], {
        folder,
        browse: async (address) => {
          const browser = standIn(address);
          await sleep(startingTimeMs(race));
          await enterAndEnd(address).finally(() => browser.stdin?.end());
        },
      });
      const mine = thief.thefts.slice(before);
      ended.push({
        exit,
        contested: stderr.includes('[sign_in_contested]'),
        stolen: mine.some(({ status, went }) => status === 200 || went > 1),
      });
    }
  } finally {
    await thief.stop();
    await stage.close();
  }
  return attackOf('another account reads the address of the page in ps and goes first', ended, thief.thefts.length);
}

async function byASecondVisit(races: number): Promise<Attack> {
  const { stage, folder } = await signedIn();
  const ended: Race[] = [];
  let tried = 0;
  try {
    for (let race = 0; race < races; race += 1) {
      let stolen = false;
      const { exit, stderr } = await stage.connect([], {
        folder,
        browse: async (address) => {
          const { press, home } = await enterPage(address);
          // Late, and with everything but the cookie.
          tried += 1;
          const late = await ask(race % 2 === 0 ? address : home);
          stolen = late.status !== 403 || late.headers['set-cookie'] !== undefined;
          await press('end').catch(() => {});
        },
      });
      ended.push({ exit, contested: stderr.includes('[sign_in_contested]'), stolen });
    }
  } finally {
    await stage.close();
  }
  return attackOf('a program opens the address of the page once more', ended, tried);
}

/** The person: comes in, and is finished. Whoever is told that the page was ended can do nothing there. */
async function enterAndEnd(address: string): Promise<void> {
  const first = await visit(address, { timeoutMs: 5_000 }).catch(() => undefined);
  if (first === undefined || first.status !== 200) return;
  const home = new URL(first.url);
  const token = /name="token" value="([\w-]+)"/.exec(first.body)?.[1] ?? '';
  await ask(home.href, {
    method: 'POST',
    target: `${home.pathname}end`,
    headers: {
      host: home.host,
      origin: home.origin,
      cookie: first.cookie ?? '',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ token }).toString(),
  }).catch(() => {});
}

function attackOf(attack: string, ended: readonly Race[], tried: number): Attack {
  const stolen = ended.filter((each) => each.stolen).length;
  const contested = ended.filter((each) => each.contested && each.exit === 3).length;
  const quiet = ended.filter((each) => !each.contested && each.exit === 0).length;
  return {
    attack: `${attack}, ${ended.length} races`,
    must: 'the page belongs to the person, or ends with sign_in_contested; the thief is let in nowhere',
    happened: `${quiet} belonged to the person, ${contested} ended contested, ${stolen} let the thief in, ${ended.length - quiet - contested} ended otherwise; ${tried} attempts`,
    held: ended.length > 0 && stolen === 0 && quiet + contested === ended.length && contested > 0 && tried > 0,
  };
}
