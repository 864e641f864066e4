/** What colleagues try at a console, against the built executable: to be somebody else, and to do more than their role. */
import { type StageConsole, serveOn } from '../demo/console.ts';
import { built } from '../demo/executables.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { type Answered, ask } from '../support/ask.ts';
import {
  asking,
  type Caller,
  callerAt,
  exchangeAt,
  idTokenOf,
  linesOf,
  newKey,
  proofOf,
  type TokenChange,
} from '../support/console-caller.ts';
import { type Attack, judged } from './attack.ts';

interface AtConsole {
  sandbox: Sandbox;
  console: StageConsole;
  ada: Caller;
  grace: Caller;
}

const list = '/v1/use-cases/listConnections';
const nothing = { request: {}, asking };

/** Tries each at one console, where Ada and Grace are users, and nobody is anything else. */
export async function consoleAttacks(): Promise<readonly Attack[]> {
  const sandbox = await startSandbox();
  const console = await serveOn(sandbox, built, ['ada', 'grace']);
  try {
    const [ada, grace] = await Promise.all(
      (['ada', 'grace'] as const).map(async (name) => await callerAt(console.origin, await idTokenOf(sandbox, name))),
    );
    if (ada === undefined || grace === undefined) throw new Error('nobody is there');
    const attacks: Attack[] = [];
    for (const [attack, must, act] of tried) {
      attacks.push(judged(attack, must, await act({ sandbox, console, ada, grace })));
    }
    const secrets = [sandbox.platform.apiKey, ada.token, grace.token, ...sandbox.issuedSecrets()];
    const shown = secrets.filter((secret) => console.written().includes(secret)).length;
    attacks.push(
      judged(
        'somebody reads the log of the console',
        'no key and no token in it',
        shown === 0 ? 'no key and no token in it' : `${shown} secrets`,
      ),
    );
    return attacks;
  } finally {
    await console.stop();
    await sandbox.close();
  }
}

type Tried = readonly [attack: string, must: string, act: (at: AtConsole) => Promise<string>];

const refused = (status: number) => `refused with ${status}`;
/** The last line of a run is what came of it. */
const resultIn = ({ body }: Answered) => body.trimEnd().split('\n').at(-1);
const outcomeOf = ({ status, body }: Answered) => (status === 200 ? `let in: ${body.slice(0, 80)}` : refused(status));

async function exchanged({ sandbox, console }: AtConsole, change: TokenChange): Promise<string> {
  return outcomeOf(await exchangeAt(console.origin, newKey(), await idTokenOf(sandbox, 'ada', change)));
}

/** A request that shows Ada's session, in a way that is not hers. */
async function shownAs(
  { console, ada }: AtConsole,
  headers: (url: string) => Promise<Record<string, string>>,
): Promise<string> {
  const url = `${console.origin}${list}`;
  return outcomeOf(
    await ask(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `DPoP ${ada.token}`, ...(await headers(url)) },
      body: JSON.stringify(nothing),
    }),
  );
}

const tried: readonly Tried[] = [
  [
    "Grace shows an ID token of Ada's that another program of the company got",
    refused(403),
    async (at) => await exchanged(at, { claims: { aud: 'another-program' } }),
  ],
  ['a stranger signs an ID token of Ada', refused(403), async (at) => await exchanged(at, { signedBy: 'stranger' })],
  [
    "Ada's access token for another service is shown",
    refused(403),
    async (at) => {
      const claims = { aud: 'https://wiki.example', client_id: 'wiki' };
      const token = await idTokenOf(at.sandbox, 'ada', { claims, typ: 'at+jwt' });
      return await shownAs(at, async () => ({ authorization: `Bearer ${token}` }));
    },
  ],
  [
    "Grace has copied Ada's session, and proves it with a key of her own",
    refused(403),
    async (at) =>
      await shownAs(at, async (url) => ({
        dpop: await proofOf(at.grace.key, { method: 'POST', url, token: at.ada.token }),
      })),
  ],
  [
    'a request of Ada is sent once more, as it was',
    refused(403),
    async (at) => {
      const url = `${at.console.origin}${list}`;
      const dpop = await proofOf(at.ada.key, { method: 'POST', url, token: at.ada.token });
      const first = await shownAs(at, async () => ({ dpop }));
      return first.startsWith('let in') ? await shownAs(at, async () => ({ dpop })) : `the first was ${first}`;
    },
  ],
  [
    "a browser brings Ada's session along as a cookie",
    refused(401),
    async (at) => await shownAs(at, async () => ({ authorization: '', cookie: `session=${at.ada.token}` })),
  ],
  [
    'Grace answers the question that Ada is asked',
    'Ada is the one who ends it',
    async ({ ada, grace, console }) => {
      const request = { service: 'notion', newClient: false, legacyEndpoints: false, acceptAudience: false };
      const running = ada.ask('/v1/use-cases/connect', { body: { request, asking } });
      const begun = /"id":"([\w-]+)","route":"\/v1\/use-cases\/connect","method":"POST","status":200/;
      for (let tries = 0; tries < 100 && !begun.test(console.written()); tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const id = begun.exec(console.written())?.[1];
      const answers = [
        await grace.ask(`/v1/runs/${id}/answers/1`, { body: { port: 4711 } }),
        await grace.ask(`/v1/runs/${id}/interrupt`, { body: {} }),
      ];
      if (answers.some(({ status }) => status === 204)) return 'Grace is heard';
      await ada.ask(`/v1/runs/${id}/interrupt`, { body: {} });
      const ended = linesOf(await running).some(({ kind }) => kind === 'error');
      return ended ? 'Ada is the one who ends it' : 'nobody ended it';
    },
  ],
  [
    'Ada, a user, reads the record, signs an owner record and off-boards Grace',
    [refused(403), refused(403), refused(403)].join(', '),
    async ({ ada }) => {
      const outcomes = [];
      for (const name of ['showRecord', 'signOwner', 'offboardPerson']) {
        outcomes.push(outcomeOf(await ada.ask(`/v1/use-cases/${name}`, { body: nothing })));
      }
      return outcomes.join(', ');
    },
  ],
  [
    'Ada asks for what is on no list: a push of a folder of the console',
    refused(404),
    async ({ ada }) =>
      outcomeOf(await ada.ask('/v1/use-cases/syncSkills', { body: { request: { folders: ['/etc'] }, asking } })),
  ],
  [
    'Ada writes into a request that she is Grace, or an operator and an auditor',
    ['it is passed over', refused(403)].join(', '),
    async ({ ada, sandbox }) => {
      const saying = async (path: string, more: object) =>
        await ada.ask(path, { body: { request: {}, asking: { ...asking, ...more } } });
      const plain = await saying(list, {});
      const asGrace = await saying(list, { subject: sandbox.people.grace.subject });
      const asAuditor = await saying('/v1/use-cases/showRecord', { roles: ['operator', 'auditor'] });
      const isSame = asGrace.status === 200 && resultIn(asGrace) === resultIn(plain);
      return [isSame ? 'it is passed over' : outcomeOf(asGrace), outcomeOf(asAuditor)].join(', ');
    },
  ],
  [
    'somebody pretends to be a proxy, to have another address',
    refused(403),
    async (at) => await shownAs(at, async () => ({ 'x-forwarded-for': '10.0.0.1', 'x-forwarded-proto': 'https' })),
  ],
  [
    'a page of another name leads to the console',
    refused(421),
    async (at) => await shownAs(at, async () => ({ host: 'evil.example' })),
  ],
];
