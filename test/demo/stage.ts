import { cp, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import type { PersonName } from '../sandbox/people.ts';
import { type Sandbox, startSandbox } from '../sandbox/start.ts';
import { type StageConsole, serveOn } from './console.ts';
import { type ExecutableName, type Locate, type Machine, machineOf, type Outcome } from './executables.ts';

/** Where the story takes place: the sandbox, people at their machines, and the official client to check what they did. */
export interface Stage {
  readonly sandbox: Sandbox;
  /** The unmodified official SDK with the workspace's key, to ask the platform what is there. */
  readonly platform: Anthropic;
  /** Every run so far, oldest first. */
  readonly outcomes: readonly Outcome[];
  /** A person at their own machine, or at another one. */
  at(person: PersonName, machine?: string): Machine;
  /** The same for somebody who has no key. */
  without(person: PersonName, machine?: string): Machine;
  /** Starts a console for these people and names it in the configuration; it ends with the stage. */
  serve(users: readonly PersonName[]): Promise<StageConsole>;
  close(): Promise<void>;
}

/** How a stage differs from the demo's. */
export interface StageOptions {
  readonly locate: Locate;
  /** Words added to every command line. */
  readonly flags?: readonly string[];
  /** Variables added to every environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Lets every browser write down what it was started with, in this folder of the sandbox's. */
  readonly dump?: string;
}

const shippedSkills = fileURLToPath(new URL('../../skills', import.meta.url));

/** Starts a sandbox whose support agent has a skill, with the repository's skills beside its configuration. */
export async function openStage({ locate, flags = [], environment = {}, dump }: StageOptions): Promise<Stage> {
  const sandbox = await startSandbox({ skills: ['support-triage'] });
  // A copy, so that the lock file is written there and the repository stays as it is.
  await cp(shippedSkills, join(sandbox.folder, 'skills'), {
    recursive: true,
    filter: (path) => basename(path) !== 'skills.lock.json',
  });
  const dumped = dump === undefined ? {} : { SANDBOX_DUMP: join(sandbox.folder, dump) };
  if (dumped.SANDBOX_DUMP !== undefined) await mkdir(dumped.SANDBOX_DUMP);
  const setting = {
    locate,
    folder: sandbox.folder,
    environment: { ...sandbox.environment, ...environment, ...dumped },
  };
  const { apiKey, baseUrl: baseURL } = sandbox.platform;
  const outcomes: Outcome[] = [];
  const {
    ANTHROPIC_API_KEY: _key,
    ANTHROPIC_BASE_URL: _address,
    ...keyless
  } = setting.environment as Readonly<Record<string, string>>;
  const seat = (seated: typeof setting, person: PersonName, machine: string | undefined): Machine => ({
    async run(name: ExecutableName, ...words) {
      const outcome = await machineOf(seated, person, machine).run(name, ...words, ...flags);
      outcomes.push(outcome);
      return outcome;
    },
  });
  let served: StageConsole | undefined;
  return {
    sandbox,
    platform: new Anthropic({ apiKey, baseURL }),
    outcomes,
    at: (person, machine) => seat(setting, person, machine),
    without: (person, machine) => seat({ ...setting, environment: keyless }, person, machine),
    async serve(users) {
      served = await serveOn(sandbox, locate, users);
      return served;
    },
    async close() {
      await served?.stop();
      await sandbox.close();
    },
  };
}
