/** What others try with a session that is there: to go on with it, to answer for its owner, to read it, to end it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { built } from '../demo/executables.ts';
import { openStage, type Stage } from '../demo/stage.ts';
import { people } from '../sandbox/people.ts';
import { type Attack, judged } from './attack.ts';
import { auditRows } from './audit-rows.ts';

/** One that is tried on a scene of its own. */
export type Tried = readonly [attack: string, must: string, act: (scene: Scene) => Promise<string>];

/** A session of Ada's whose agent waits for a yes to write a page. */
export interface Scene {
  stage: Stage;
  session: string;
  call: { event_id: string; digest: string };
  /** What came of a command, and of the session since it waits, or since it was looked at. */
  ending(run: Promise<{ exit: number | undefined }>, since?: Seen): Promise<string>;
}

const writes = (title: string) => `call notion notion-create-pages {"pages":[{"title":"${title}"}]}`;
const untouched = 'no message, no answer, no call at Notion, the session is there';

/** Tries each on a session of its own; nobody holds the key of the workspace but the commands. */
export async function sessionAttacks(): Promise<readonly Attack[]> {
  const stage = await openStage({ locate: built });
  try {
    await configure(stage, 'agents/support.yaml', (agent) => {
      agent.services.notion.write = 'ask';
    });
    const begun = [
      await stage.at('ada').run('skill-sync'),
      await stage.at('ada').run('setup-session', 'agents', 'apply'),
      await stage.at('ada').run('service-connection', 'notion'),
      await stage.at('grace').run('service-connection', 'notion'),
    ];
    for (const { exit, command, stderr } of begun) if (exit !== 0) throw new Error(`${command}: ${stderr}`);
    const attacks: Attack[] = [];
    for (const [attack, must, act] of tried) attacks.push(judged(attack, must, await act(await openScene(stage))));
    return attacks;
  } finally {
    await stage.close();
  }
}

const tried: readonly Tried[] = [
  [
    "a colleague sends a message to Ada's session",
    `exit 3, ${untouched}`,
    async (scene) => {
      const since = await rest(scene);
      return await scene.ending(setup(scene.stage, 'grace', 'send', scene.session, '--message', 'mine'), since);
    },
  ],
  ...(['yes', 'no'] as const).map(
    (word): Tried => [
      `a colleague says ${word} to the call that Ada's session waits for, with its digest`,
      `exit 3, ${untouched}`,
      ({ stage, session, call, ending }) => {
        const words = word === 'yes' ? ['--yes', '--digest', call.digest] : ['--no', 'because'];
        return ending(setup(stage, 'grace', 'answer', session, call.event_id, ...words));
      },
    ],
  ),
  ...(['show', 'attach'] as const).map(
    (command): Tried => [
      `a colleague reads Ada's session with ${command}`,
      `exit 3, nothing of it is told, ${untouched}`,
      async ({ stage, session, ending }) => {
        const run = setup(stage, 'grace', command, session, '--timeout', '20');
        const [left, { stdout, stderr }] = [await ending(run), await run];
        const told = /Roadmap|notion-create-pages/.test(stdout + stderr);
        return left.replace(', ', `, ${told ? 'its call' : 'nothing of it'} is told, `);
      },
    ],
  ),
  ...[['stop'], ['stop', '--interrupt']].map(
    (words): Tried => [
      `a colleague ends Ada's session with ${words.join(' ')}`,
      `exit 3, ${untouched}`,
      ({ stage, session, ending }) => ending(setup(stage, 'grace', ...words, session)),
    ],
  ),
  [
    'a colleague ends what nobody has used for a second, their own sessions and with --all everybody’s',
    `exit 0 and exit 3, ${untouched}`,
    async (scene) => {
      const since = await rest(scene);
      scene.stage.sandbox.platform.control.clock.advance(10_000);
      const words = ['stop', '--idle-for', '1s'];
      const own = await setup(scene.stage, 'grace', ...words);
      return `exit ${own.exit} and ${await scene.ending(setup(scene.stage, 'grace', ...words, '--all'), since)}`;
    },
  ],
  [
    'an operator goes on with Ada’s session, and answers for her',
    `exit 3 and exit 3, ${untouched}`,
    async ({ stage, session, call, ending }) => {
      const putBack = await configure(stage, 'interface.yaml', (file) => {
        file.people.operators = { principals: [people.grace.subject] };
      });
      const sent = await setup(stage, 'grace', 'send', session, '--message', 'mine');
      const words = ['answer', session, call.event_id, '--yes', '--digest', call.digest];
      const left = await ending(setup(stage, 'grace', ...words));
      await putBack();
      return `exit ${sent.exit} and ${left}`;
    },
  ],
  [
    'somebody with the key writes Grace into the record of Ada’s session, and Grace says yes',
    `exit 3, ${untouched}`,
    async ({ stage, session, call, ending }) => {
      const { metadata } = await stage.platform.beta.sessions.retrieve(session);
      const forged = JSON.stringify(metadata).replaceAll(people.ada.subject, people.grace.subject);
      await stage.platform.beta.sessions.update(session, { metadata: JSON.parse(forged) as Record<string, string> });
      return await ending(setup(stage, 'grace', 'answer', session, call.event_id, '--yes', '--digest', call.digest));
    },
  ],
  [
    'Ada’s yes to one page is used for another',
    `exit 3, ${untouched}`,
    async ({ stage, session, call, ending }) => {
      const other = await openScene(stage, 'Everything');
      const words = ['answer', session, call.event_id, '--yes', '--digest', other.call.digest];
      return await ending(setup(stage, 'ada', ...words));
    },
  ],
  [
    'a yes without anybody who sees the call',
    `exit 4, ${untouched}`,
    ({ stage, session, call, ending }) => ending(setup(stage, 'ada', 'answer', session, call.event_id, '--yes')),
  ],
  [
    'nobody answers until the time of attach --wait is up',
    `exit 8, ${untouched}`,
    ({ stage, session, ending }) => ending(setup(stage, 'ada', 'attach', session, '--wait', '--timeout', '3')),
  ],
  ...(['a message', 'a yes'] as const).map(
    (what): Tried => [
      `the session was started with more than Ada has now, and gets ${what}`,
      `exit 3, ${untouched}`,
      async (scene) => {
        const { stage, session, call, ending } = scene;
        const since = what === 'a message' ? await rest(scene) : undefined;
        const putBack = await configure(stage, 'interface.yaml', (file) => {
          file.people.groups.support.notion.write = 'off';
          file.people.groups.editors.notion.write = 'off';
        });
        const words =
          what === 'a yes'
            ? ['answer', session, call.event_id, '--yes', '--digest', call.digest]
            : ['send', session, '--message', writes('Roadmap')];
        const { exit } = await setup(stage, 'ada', ...words);
        await putBack();
        return await ending(Promise.resolve({ exit }), since);
      },
    ],
  ),
  ...approverRows(),
  ...auditRows(),
  [
    'an off-boarded person goes on with a session that could not be ended',
    `told that they were off-boarded, exit 3, ${untouched}`,
    async ({ stage, session, call, ending }) => {
      const putBack = await configure(stage, 'interface.yaml', (file) => {
        file.people.operators = { principals: [people.grace.subject] };
      });
      // The platform ends nothing: what off-boarding asks it to archive goes on.
      const { faults } = stage.sandbox.platform.control;
      const on = 'POST /v1/sessions/:session/archive';
      faults.add({ on, fault: { kind: 'status', status: 409 }, times: Infinity });
      const subject = people.ada.subject;
      await stage.at('grace').run('service-connection', 'offboard', subject, '--yes-offboard', subject);
      faults.clear();
      await putBack();
      const run = setup(stage, 'ada', 'answer', session, call.event_id, '--yes', '--digest', call.digest);
      const [left, { stderr }] = [await ending(run), await run];
      return `${stderr.includes('[offboarded]') ? '' : 'not '}told that they were off-boarded, ${left}`;
    },
  ],
];

/** What is tried where a group approves the calls at Notion. */
function approverRows(): Tried[] {
  const approving = (stage: Stage, entry: object) =>
    configure(stage, 'interface.yaml', (file) => {
      file.people.operators = { principals: [people.ada.subject] };
      file.approvals = { services: { notion: { every: entry } } };
    });
  const group = { groups: ['support'] };
  const yes = ({ session, call }: Scene) => ['answer', session, call.event_id, '--yes', '--digest', call.digest];
  const row = (attack: string, must: string, entry: object, act: (scene: Scene) => Promise<string>): Tried => [
    attack,
    must,
    async (scene) => {
      const putBack = await approving(scene.stage, entry);
      const happened = await act(scene);
      await putBack();
      return happened;
    },
  ];
  return [
    row('Ada approves her own call, as one of the group that approves', `exit 3, ${untouched}`, group, (scene) =>
      scene.ending(setup(scene.stage, 'ada', ...yes(scene))),
    ),
    row(
      'Grace approves the call and is named no more',
      `exit 3, ${untouched}`,
      { principals: [people.linus.subject] },
      (scene) => scene.ending(setup(scene.stage, 'grace', ...yes(scene))),
    ),
    row('Grace approves one page, and her yes is used for another', `exit 3, ${untouched}`, group, async (scene) => {
      const other = await openScene(scene.stage, 'Everything');
      const words = ['answer', scene.session, scene.call.event_id, '--yes', '--digest', other.call.digest];
      return await scene.ending(setup(scene.stage, 'grace', ...words));
    }),
    row(
      'Grace says yes twice where two people have to, and Ada says it as well',
      `exit 0, exit 0 and exit 3, ${untouched}`,
      { ...group, persons: 2 },
      async (scene) => {
        const once = await setup(scene.stage, 'grace', ...yes(scene));
        const again = await setup(scene.stage, 'grace', ...yes(scene));
        const own = setup(scene.stage, 'ada', ...yes(scene));
        return `exit ${once.exit}, exit ${again.exit} and ${await scene.ending(own)}`;
      },
    ),
    row('Grace is off-boarded between ask and answer', `exit 3 and exit 3, ${untouched}`, group, async (scene) => {
      const { stage, session, call } = scene;
      const { subject } = people.grace;
      await stage.at('ada').run('service-connection', 'offboard', subject, '--yes-offboard', subject);
      const no = await setup(stage, 'grace', 'answer', session, call.event_id, '--no', 'because');
      const left = await scene.ending(setup(stage, 'grace', ...yes(scene)));
      await stage.at('ada').run('service-connection', 'offboard', subject, '--undo', '--yes-undo', subject);
      return `exit ${no.exit} and ${left}`;
    }),
  ];
}

/** Ada says no to the call, so that her session waits for nothing. */
async function rest({ stage, session, call }: Scene): Promise<Seen> {
  await setup(stage, 'ada', 'answer', session, call.event_id, '--no', 'not now');
  await setup(stage, 'ada', 'attach', session);
  return await seen(stage, session);
}

function setup(stage: Stage, person: 'ada' | 'grace', ...words: readonly string[]) {
  return stage.at(person).run('setup-session', ...words);
}

type Seen = Awaited<ReturnType<typeof seen>>;

/** What nobody but its owner may move. */
async function seen(stage: Stage, session: string) {
  const { archived_at: archived } = await stage.platform.beta.sessions.retrieve(session);
  const types: string[] = [];
  for await (const { type } of stage.platform.beta.sessions.events.list(session)) types.push(type);
  const count = (...of: string[]) => types.filter((type) => of.includes(type)).length;
  return {
    messages: count('user.message'),
    answers: count('user.tool_confirmation', 'user.interrupt'),
    calls: stage.sandbox.services.notion.calls.filter(({ tool }) => tool === 'notion-create-pages').length,
    there: archived === null,
  };
}

async function openScene(stage: Stage, title = 'Roadmap'): Promise<Scene> {
  const { stdout } = await setup(stage, 'ada', '--agent', 'support', '--json', '--message', writes(title));
  const { session_id: session, asks } = JSON.parse(stdout) as { session_id: string; asks: [Scene['call']] };
  const start = await seen(stage, session);
  return {
    stage,
    session,
    call: asks[0],
    async ending(run, since = start) {
      const { exit } = await run;
      const after = await seen(stage, session);
      const more = (what: string, count: number) => (count === 0 ? `no ${what}` : `${count} ${what}s`);
      const did = [
        more('message', after.messages - since.messages),
        more('answer', after.answers - since.answers),
        `${more('call', after.calls - since.calls)} at Notion`,
        after.there ? 'the session is there' : 'the session is ended',
      ];
      return `exit ${exit}, ${did.join(', ')}`;
    },
  };
}

/** Changes a file of the configuration and returns what puts it back. */
async function configure(stage: Stage, path: string, change: (content: ReturnType<typeof parse>) => void) {
  const file = join(stage.sandbox.configFolder, path);
  const reviewed = await readFile(file, 'utf8');
  const content: unknown = parse(reviewed);
  change(content);
  await writeFile(file, stringify(content, { aliasDuplicateObjects: false }));
  return () => writeFile(file, reviewed);
}
