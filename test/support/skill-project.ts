/** A checkout with skills beside a platform of its own, for tests that run skill-sync in this process. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { afterEach, beforeEach, expect } from 'vitest';
import { skillSync } from '../../cmd/skill-sync/cli.ts';
import { parseLock, type SkillsLock } from '../../internal/skills/lock.ts';
import { type PlatformSandbox, startPlatform } from '../sandbox/platform/start.ts';
import { type CommandOutcome, type CommandSetting, runCommand } from './command.ts';
import { keyAlone } from './key-alone.ts';

/** A skill as `--json` shows it. */
export interface SkillJson {
  name: string;
  change: string;
  applied: boolean;
  skill_id: string;
  version_id: string;
  sha256: string;
  agents: string[];
  renamed_from?: string;
}

/** A project whose skills are in `skills`. */
export interface SkillProject {
  readonly platform: PlatformSandbox;
  /** The folder of the project, and that of its skills. */
  readonly home: string;
  readonly skills: string;
  readonly lockFile: string;
  /** The official client, for what other people do to the platform. */
  client(): Anthropic;
  /** Runs one command line. A failing one has printed nothing on stdout, and no run the key. */
  run(argv: readonly string[], changed?: Partial<CommandSetting>): Promise<CommandOutcome>;
  /** Runs one over the folder of skills that must not fail, and reads its result. */
  runJson(...argv: string[]): Promise<{ exit: number; skills: SkillJson[]; pending: number }>;
  /** Writes a file below the folder of skills. */
  put(path: string, content: string | Uint8Array): Promise<void>;
  /** Writes a SKILL.md with this text below its front matter. */
  putSkill(name: string, text: string): Promise<void>;
  locked(): Promise<SkillsLock>;
  /** The ids of all versions on the platform by the name of their skill, oldest first. */
  remoteVersions(): Promise<Record<string, string[]>>;
  /** Expects a lock that names the latest version of every skill of the platform, and nothing else. */
  expectLockIsTrue(): Promise<void>;
}

/** The text of a SKILL.md. */
export function skillText(name: string, text: string): string {
  return `---\nname: ${name}\ndescription: Does ${name}.\n---\n${text}\n`;
}

/** A new project for each test of a file. */
export function skillProjectPerTest(): SkillProject {
  let platform: PlatformSandbox;
  let home: string;
  beforeEach(async () => {
    platform = await startPlatform();
    home = await mkdtemp(join(tmpdir(), 'skill-project-'));
    await mkdir(join(home, 'skills'));
  });
  afterEach(async () => {
    await platform.close();
    await rm(home, { recursive: true });
  });
  const project: SkillProject = {
    get platform() {
      return platform;
    },
    get home() {
      return home;
    },
    get skills() {
      return join(home, 'skills');
    },
    get lockFile() {
      return join(home, 'skills', 'skills.lock.json');
    },
    client: () => new Anthropic({ apiKey: platform.apiKey, baseURL: platform.baseUrl, maxRetries: 0 }),
    async run(argv, changed = {}) {
      const outcome = await runCommand(skillSync, argv, {
        folder: home,
        ...changed,
        environment: {
          ANTHROPIC_API_KEY: platform.apiKey,
          ANTHROPIC_BASE_URL: platform.baseUrl,
          // Whoever stands in the project finds what is there.
          ...(process.cwd().startsWith(home) ? {} : { MAI_CONFIG: keyAlone }),
          ...changed.environment,
        },
      });
      if (outcome.exit !== 0 && outcome.exit !== 7) expect(outcome.stdout).toBe('');
      expect(outcome.stdout + outcome.stderr).not.toContain(platform.apiKey);
      return outcome;
    },
    async runJson(...argv) {
      const { exit, stdout, stderr } = await project.run([...argv, '--json', project.skills]);
      expect(stderr).not.toContain('error');
      return { exit, ...(JSON.parse(stdout) as { skills: SkillJson[]; pending: number }) };
    },
    async put(path, content) {
      await mkdir(dirname(join(project.skills, path)), { recursive: true });
      await writeFile(join(project.skills, path), content);
    },
    putSkill: (name, text) => project.put(`${name}/SKILL.md`, skillText(name, text)),
    locked: async () => parseLock(await readFile(project.lockFile, 'utf8')).skills,
    async remoteVersions() {
      const client = project.client();
      const found: Record<string, string[]> = {};
      for await (const skill of client.skills.list({ source: 'custom' })) {
        for await (const version of client.skills.versions.list(skill.id)) {
          found[version.name] = [...(found[version.name] ?? []), version.id];
        }
      }
      // Uploads run side by side, so the platform may know the skills in either order.
      return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
    },
    async expectLockIsTrue() {
      const versions = Object.entries(await project.remoteVersions());
      const lock = await project.locked();
      expect([...lock].map(([name, { versionId }]) => [name, versionId])).toEqual(
        versions.map(([name, ids]) => [name, ids.at(-1)]).sort(),
      );
    },
  };
  return project;
}

/** `name change` of each skill of a result. */
export function changesOf({ skills }: { skills: readonly SkillJson[] }): string[] {
  return skills.map(({ name, change }) => `${name} ${change}`);
}
