/**
 * Two uploads beside each other: the real code on a small platform in which every request is one step, in every order of the
 * steps, and with every single lost answer or lost request. test/integration/skill-runners.test.ts has whole runs in
 * real time; this has the orders that chance does not find.
 */
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { unrecorded } from '../../test/support/unrecorded.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError, verbsOver } from '../platform/client.ts';
import { sha256 } from '../text/canonical.ts';
import type { Skill } from './folder/read.ts';
import { hashOf } from './hash.ts';
import { pushSkill, pushVersion, settleCreated } from './push.ts';

const skillId = 'skill_1';

interface Version {
  id: string;
  created_at: string;
  text: string;
}

/**
 * The versions of one skill, or skills of one name, which have one version each with the same id. Each upload has a time of
 * its own; ids do not grow with it.
 */
class Versions {
  readonly all: Version[] = [];
  /** What was deleted by a run that could not know that it is its own. */
  readonly taken: string[] = [];
  private clock = 0;

  add(text: string): Version {
    this.clock += 1;
    const id = `skver_${(this.clock * 7919) % 104729}`;
    const version = { id, created_at: new Date(this.clock * 1000).toISOString(), text };
    this.all.push(version);
    return version;
  }

  find(id: string): Version {
    const version = this.all.find((one) => one.id === id);
    if (version === undefined) throw new PlatformError('platform_refused', 'gone', { status: 404, cause: undefined });
    return version;
  }

  remove(id: string): void {
    this.all.splice(this.all.indexOf(this.find(id)), 1);
  }
}

/** The few texts there are, each packed once: it is half of the time that all the orders take. */
const zips = new Map<string, Uint8Array<ArrayBuffer>>();
function zipOf(text: string): Uint8Array<ArrayBuffer> {
  const zip = zips.get(text) ?? (zipSync({ 'triage/SKILL.md': Buffer.from(text) }) as Uint8Array<ArrayBuffer>);
  zips.set(text, zip);
  return zip;
}

type Fault = 'answer lost' | 'request lost';

/** Lets one request of one run through at a time. */
interface Gate {
  waiting: { changes: boolean; pass(fault?: Fault): void }[];
  /** Ids of uploads whose answer this run has had: the only ones that it may delete. */
  own: Set<string>;
  result?: string;
}

function platformOf(versions: Versions, gate: Gate): Platform {
  const remove = async (id: string) => {
    if (!gate.own.has(id)) versions.taken.push(id);
    versions.remove(id);
  };
  const client = {
    skills: {
      retrieve: async () => ({ latest_version_id: versions.all.at(-1)?.id }),
      list: async () => ({
        data: versions.all.map(({ id, created_at }) => ({ id, latest_version_id: id, created_at })),
        hasNextPage: () => false,
      }),
      create: async ({ files }: { files: File[] }) => {
        const { id, created_at } = versions.add((await files[0]?.text()) ?? '');
        return { id, latest_version_id: id, created_at };
      },
      delete: remove,
      versions: {
        list: async () => ({ data: structuredClone(versions.all), hasNextPage: () => false }),
        create: async (_id: string, { files }: { files: File[] }) => versions.add((await files[0]?.text()) ?? ''),
        delete: remove,
        retrieve: async (id: string) => ({ id: versions.find(id).id, name: 'triage' }),
      },
    },
    betaSkills: {
      versions: {
        download: async (id: string) => new Response(zipOf(versions.find(id).text)),
      },
    },
  };
  const step = async <Result>(changes: boolean, ask: (client: never) => PromiseLike<Result>): Promise<Result> => {
    const fault = await new Promise<Fault | undefined>((pass) => {
      gate.waiting.push({ changes, pass });
    });
    const lost = new PlatformError('platform_outcome_unknown', 'lost', { cause: undefined });
    if (fault === 'request lost') throw lost;
    const result = await ask(client as never);
    if (fault === 'answer lost') throw lost;
    if (changes) gate.own.add((result as { id?: string } | undefined)?.id ?? '');
    return result;
  };
  const verbs = verbsOver({
    read: (_what, _read, ask) => step(false, ask) as Promise<never>,
    async *pages(_what, _read, ask) {
      const { data } = await step(false, async (client) => (await ask(client, {})) as unknown as { data: never[] });
      yield data;
    },
    listen: () => Promise.reject(new Error('nothing is streamed')),
    change: (_act, _id, _how, _read, ask) => step(true, ask) as Promise<never>,
  });
  return { ...verbs, aheadMs: () => 0, unknownMembers: () => [], recorder: unrecorded };
}

function skillOf(text: string): Skill {
  const bytes = new Uint8Array(Buffer.from(text));
  const files = [{ path: 'SKILL.md', source: 'SKILL.md', size: bytes.length, sha256: sha256(bytes), bytes }];
  return { name: 'triage', description: 'd', folder: 'skills/triage', files, sha256: hashOf(files), warnings: [] };
}

/** Uploads as a run does, and gives the id that its lock has in the end. */
type Push = (platform: Platform, skill: Skill, base: string) => Promise<string>;

const asVersion: Push = async (platform, skill, base) =>
  (await pushVersion(platform, skill, { skillId, versionId: base })).versionId;

const asSkill: Push = async (platform, skill) => {
  const known = new Set<string>();
  const made = await pushSkill(platform, skill, known);
  let locked = made.locked.skillId;
  await settleCreated(platform, [made], known, async (_skill, instead) => {
    locked = instead?.skillId ?? '';
  });
  return locked;
};

/** What there is before, and how it is uploaded. */
interface Story {
  before: readonly string[];
  push: Push;
}

const stories: readonly [string, Story][] = [
  ['of a version', { before: ['before'], push: asVersion }],
  ['of a new skill', { before: [], push: asSkill }],
];

interface Choice {
  run: number;
  fault?: Fault;
}

/** How a play came out. */
interface End {
  /** The version that each run ended with, or the code of its error. */
  results: string[];
  /** The texts of the versions, oldest first; the first is what was there before. */
  texts: string[];
  versions: readonly Version[];
  taken: readonly string[];
  fault: boolean;
}

/** Plays the choices, then always the first that is possible, and says which other ways there would have been. */
async function play(prefix: readonly Choice[], { before, push }: Story, texts: readonly string[], faults: boolean) {
  const versions = new Versions();
  const base = before.map((text) => versions.add(text).id).at(-1) ?? '';
  const gates = texts.map((): Gate => ({ waiting: [], own: new Set() }));
  texts.forEach((text, index) => {
    const gate = gates[index] as Gate;
    push(platformOf(versions, gate), skillOf(text), base).then(
      (id) => {
        gate.result = id;
      },
      (error: unknown) => {
        gate.result = error instanceof AppError ? error.code : String(error);
      },
    );
  });
  const made: Choice[] = [];
  const ways: Choice[][] = [];
  for (;;) {
    while (gates.some(({ waiting, result }) => waiting.length === 0 && result === undefined)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    const befalling: readonly Fault[] =
      faults && made.every(({ fault }) => fault === undefined) ? ['answer lost', 'request lost'] : [];
    const possible = gates.flatMap(({ waiting: [request] }, run): Choice[] =>
      request === undefined ? [] : [{ run }, ...(request.changes ? befalling.map((fault) => ({ run, fault })) : [])],
    );
    const [first, ...others] = possible;
    if (first === undefined) break;
    const choice = prefix[made.length] ?? first;
    if (prefix[made.length] === undefined) ways.push(...others.map((other) => [...made, other]));
    made.push(choice);
    const gate = gates[choice.run] as Gate;
    gate.waiting.shift()?.pass(choice.fault);
  }
  const end: End = {
    results: gates.map(({ result }) => result ?? ''),
    texts: versions.all.map(({ text }) => text),
    versions: versions.all,
    taken: versions.taken,
    fault: made.some(({ fault }) => fault !== undefined),
  };
  return { ways, end };
}

/** Every way that there is. */
async function everyEnd(story: Story, texts: readonly string[], faults: boolean): Promise<End[]> {
  const ends: End[] = [];
  const open: Choice[][] = [[]];
  for (let prefix = open.pop(); prefix !== undefined; prefix = open.pop()) {
    const { ways, end } = await play(prefix, story, texts, faults);
    open.push(...ways);
    ends.push(end);
  }
  return ends;
}

const shape = ({ results, texts }: End) => [
  results.map((result) => result.replace(/^skver_\d+$/, 'done')).sort(),
  texts,
];

describe.each(stories)('two uploads at once %s, in every order of their requests', (_what, story) => {
  const { before } = story;

  test('of the same content: one version, and both have it [P8]', async () => {
    const ends = await everyEnd(story, ['new', 'new'], false);
    expect(ends.length).toBeGreaterThan(20);
    for (const end of ends) {
      expect(shape(end)).toEqual([
        ['done', 'done'],
        [...before, 'new'],
      ]);
      const id = end.versions.at(-1)?.id;
      expect(end.results).toEqual([id, id]);
    }
  });

  test('of different content: one stays, and the other run is told [P8]', async () => {
    const ends = await everyEnd(story, ['one', 'two'], false);
    expect(ends.length).toBeGreaterThan(20);
    for (const end of ends) {
      expect(shape(end)[0]).toEqual(['done', 'drift']);
      const winner = end.results[0] === 'drift' ? 'two' : 'one';
      expect(end.texts).toEqual([...before, winner]);
    }
    expect(new Set(ends.map(({ results }) => results.indexOf('drift')))).toEqual(new Set([0, 1]));
  });

  test('with one answer or request lost: what a run has is there, and nobody’s upload is covered up [P8]', async () => {
    let faulty = 0;
    for (const texts of [
      ['new', 'new'],
      ['one', 'two'],
    ]) {
      for (const end of await everyEnd(story, texts, true)) {
        if (end.fault) faulty += 1;
        for (const [run, result] of end.results.entries()) {
          if (!result.startsWith('skver_')) continue;
          expect(end.versions.find(({ id }) => id === result)?.text).toBe(texts[run]);
          // Whoever is done has what the latest holds, unless the other run was told. (Two of equal content may stay
          // where one run cannot know which is its own: it takes none back.)
          const holds = end.versions.at(-1)?.text === texts[run];
          expect(holds || end.results.some((other) => !other.startsWith('skver_'))).toBe(true);
        }
        expect(end.taken).toEqual([]);
        expect(end.results.every((result) => /^(skver_\d+|drift|platform_\w+)$/.test(result))).toBe(true);
        expect(end.texts.length - before.length).toBeLessThanOrEqual(end.fault ? 2 : 1);
      }
    }
    expect(faulty).toBeGreaterThan(100);
    // It only computes: how long that takes is a matter of how busy the machine is.
  }, 300_000);
});
