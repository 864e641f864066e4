/**
 * A model of several first runs at once: the real code of `findVault` and `createVault` on a small platform in which
 * every request is one step, and every order of the steps is tried, with every single fault at every step.
 */
import { exportJWK, generateKeyPair } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../errors/app-error.ts';
import type { Principal } from '../identity/principal.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import type { VaultAnswer } from './claims.ts';
import { createVault, findVault, type Ownership, type VaultDirectory, type VaultMemory } from './resolve.ts';
import { type Signer, signerOf } from './signature.ts';

const ada: Principal = { kind: 'sso', issuer: 'https://idp.example', subject: 'a', groups: [], label: 'Ada' };

/** What may befall one request. `killed` ends the run for good, with the request done or not. */
const faults = ['answer lost', 'request lost', 'done twice', 'killed before', 'killed after'] as const;
type Fault = (typeof faults)[number];

/** The vaults of one world. */
class Vaults {
  readonly all: VaultAnswer[] = [];
  private clock = 0;

  create(body: { display_name: string; metadata: Record<string, string> }): VaultAnswer {
    this.clock += 1;
    // Ids do not grow with time, as on the platform.
    const id = `vlt_${(this.clock * 7919) % 104729}`;
    const vault = {
      id,
      display_name: body.display_name,
      metadata: body.metadata,
      created_at: new Date(this.clock * 1000).toISOString(),
      archived_at: null,
    };
    this.all.push(vault);
    return structuredClone(vault);
  }

  change(id: string, changes: (vault: VaultAnswer) => Partial<VaultAnswer>): VaultAnswer {
    const index = this.all.findIndex((vault) => vault.id === id);
    const vault = this.all[index];
    if (vault === undefined) throw new Error(`no vault ${id}`);
    this.all[index] = { ...vault, ...changes(vault) };
    return structuredClone(this.all[index]) as VaultAnswer;
  }

  active(): VaultAnswer[] {
    return this.all.filter(({ archived_at }) => archived_at === null);
  }
}

/** Lets one request of one run through at a time. */
interface Gate {
  waiting: { changes: boolean; pass(fault?: Fault): void }[];
  killed?: boolean;
}

function platformOf(vaults: Vaults, gate: Gate): Platform {
  const client = {
    beta: {
      vaults: {
        create: async (body: Parameters<Vaults['create']>[0]) => vaults.create(body),
        list: async () => ({ data: vaults.active().toReversed(), hasNextPage: () => false }),
        retrieve: async (id: string) => vaults.change(id, () => ({})),
        archive: async (id: string) => vaults.change(id, () => ({ archived_at: 'now' })),
        update: async (id: string, { metadata }: { metadata: Record<string, string> }) =>
          vaults.change(id, (vault) => ({ metadata: { ...vault.metadata, ...metadata } })),
        credentials: { list: async () => ({ data: [], hasNextPage: () => false }) },
      },
    },
  };
  const step = async <Result>(changes: boolean, ask: (client: never) => Promise<Result>): Promise<Result> => {
    const fault = await new Promise<Fault | undefined>((pass) => gate.waiting.push({ changes, pass }));
    const never = () => new Promise<never>(() => {});
    if (fault === 'killed before') return await never();
    if (fault === 'request lost') throw lostAnswer();
    const result = await ask(client as never);
    if (fault === 'done twice') return await ask(client as never);
    if (fault === 'killed after') return await never();
    if (fault === 'answer lost') throw lostAnswer();
    return result;
  };
  return {
    read: (_what, ask) => step(false, ask),
    async *readPages(_what, ask) {
      yield* (await step(false, ask)).data;
    },
    change: (_intent, ask) => step(true, ask),
  };
}

function lostAnswer(): PlatformError {
  return new PlatformError('platform_outcome_unknown', 'lost', { cause: undefined });
}

function memoryOf(): VaultMemory {
  let vault: string | undefined;
  let creation: string | undefined;
  return {
    recall: async () => vault,
    remember: async (_principal, id) => {
      vault = id;
    },
    recallCreation: async () => creation,
    rememberCreation: async (_principal, mark) => {
      creation = mark;
    },
  };
}

/** A run of one machine: settles to the vault's id, to an error code, or never when it was killed. */
async function run(directory: VaultDirectory): Promise<string> {
  try {
    return ((await findVault(directory, ada)) ?? (await createVault(directory, ada))).id;
  } catch (error) {
    if (error instanceof AppError) return `error: ${error.code}`;
    throw error;
  }
}

/** What is done at one step: which of the waiting runs goes on, and what befalls its request. */
interface Choice {
  run: number;
  fault?: Fault;
}

/** Plays the choices, then always the first that is possible, and says which choices there would have been. */
async function play(prefix: readonly Choice[], runs: number, faultsLeft: number, ownership: Ownership | undefined) {
  const vaults = new Vaults();
  const gates = Array.from({ length: runs }, (): Gate => ({ waiting: [] }));
  const memories = gates.map(memoryOf);
  const results: (string | undefined)[] = gates.map(() => undefined);
  const directoryOf = (index: number, gate: Gate): VaultDirectory => ({
    platform: platformOf(vaults, gate),
    memory: memories[index] ?? memoryOf(),
    ownership,
    warn() {},
  });
  gates.forEach((gate, index) => {
    void run(directoryOf(index, gate)).then((result) => {
      results[index] = result;
    });
  });
  const made: Choice[] = [];
  const alternatives: Choice[][] = [];
  let left = faultsLeft;
  for (;;) {
    await quiet(gates, results);
    const possible = gates.flatMap(({ waiting: [request] }, index): Choice[] => {
      if (request === undefined) return [];
      const befalling = left === 0 ? [] : faults.filter((fault) => request.changes || fault.startsWith('killed'));
      return [{ run: index }, ...befalling.map((fault) => ({ run: index, fault }))];
    });
    const choice = prefix[made.length] ?? possible[0];
    if (choice === undefined) break;
    if (made.length >= prefix.length) alternatives.push(possible.slice(1).map((other) => other));
    made.push(choice);
    if (choice.fault !== undefined) left -= 1;
    const gate = gates[choice.run];
    const request = gate?.waiting.shift();
    if (gate === undefined || request === undefined) throw new Error('the replay went another way');
    if (choice.fault?.startsWith('killed')) gate.killed = true;
    request.pass(choice.fault);
  }
  // Afterwards every machine runs again, one after the other, and nothing goes wrong.
  const again: string[] = [];
  for (const index of gates.keys()) {
    const gate: Gate = { waiting: [] };
    let result: string | undefined;
    void run(directoryOf(index, gate)).then((done) => {
      result = done;
    });
    while (result === undefined) {
      await turn();
      gate.waiting.shift()?.pass();
    }
    again.push(result);
  }
  return { made, alternatives, results, again, active: vaults.active().map(({ id }) => id) };
}

/** Until every run waits at its gate, has ended or was killed. */
async function quiet(gates: readonly Gate[], results: readonly unknown[]): Promise<void> {
  while (!gates.every(({ waiting, killed }, index) => waiting.length > 0 || killed || results[index] !== undefined)) {
    await turn();
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Every schedule, depth first. */
async function explore(
  runs: number,
  faultsLeft: number,
  ownership: Ownership | undefined,
  judge: (end: Awaited<ReturnType<typeof play>>) => void,
) {
  const open: Choice[][] = [[]];
  let schedules = 0;
  for (let prefix = open.pop(); prefix !== undefined; prefix = open.pop()) {
    const end = await play(prefix, runs, faultsLeft, ownership);
    judge(end);
    schedules += 1;
    end.alternatives.forEach((others, depth) => {
      const length = (prefix?.length ?? 0) + depth;
      for (const other of others) open.push([...end.made.slice(0, length), other]);
    });
  }
  return schedules;
}

/** One vault, and whoever came through came to that one. */
function expectOneVault({ made, results, again, active }: Awaited<ReturnType<typeof play>>): void {
  const used = [...new Set([...results, ...again].filter((id) => id?.startsWith('vlt_')))];
  const judged = { made, active: active.length, used, again };
  expect(judged).toEqual({ made, active: 1, used: active, again: again.map(() => active[0]) });
}

describe('first runs at once end with one vault', () => {
  test.each([
    [2, 1],
    [3, 0],
  ])('%i runs, %i faults, in every order', { timeout: 120_000 }, async (runs, faultsLeft) => {
    const schedules = await explore(runs, faultsLeft, undefined, expectOneVault);
    // biome-ignore lint/suspicious/noConsole: what was explored is a result
    console.log(`${schedules} schedules of ${runs} runs with at most ${faultsLeft} faults: one vault after each`);
    expect(schedules).toBeGreaterThan(100);
  });

  describe('where vaults are signed', () => {
    let ownership: Ownership;
    beforeAll(async () => {
      const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
      const { x = '' } = await exportJWK(pair.publicKey);
      const signer: Signer = signerOf({ ...(await exportJWK(pair.privateKey)), kid: 'a' });
      ownership = {
        workspaceId: 'wrkspc_1',
        keys: [{ kid: 'a', x, retired: false }],
        signer: async () => signer,
      };
    });

    test('two runs without faults, in every order', { timeout: 120_000 }, async () => {
      const schedules = await explore(2, 0, ownership, expectOneVault);
      // biome-ignore lint/suspicious/noConsole: what was explored is a result
      console.log(`${schedules} schedules of 2 signing runs: one vault after each`);
      expect(schedules).toBeGreaterThan(20);
    });

    test('with one fault nobody ever uses an unsigned vault, or two', { timeout: 120_000 }, async () => {
      let refused = 0;
      const schedules = await explore(2, 1, ownership, ({ results, again, active }) => {
        const used = [...new Set([...results, ...again].filter((id) => id?.startsWith('vlt_')))];
        expect(used.length).toBeLessThanOrEqual(1);
        expect(active).toEqual(expect.arrayContaining(used));
        if (used.length === 0) refused += 1;
      });
      // biome-ignore lint/suspicious/noConsole: what was explored is a result
      console.log(
        `${schedules} schedules of 2 signing runs with a fault: ${refused} wait for the operator, none uses two`,
      );
      expect(schedules).toBeGreaterThan(100);
    });
  });
});
