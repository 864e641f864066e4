/** The sandbox with built executables that may use a keychain: with the library for it installed beside them, and without. */
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, onTestFinished, vi } from 'vitest';
import { openStage, type Stage } from '../demo/stage.ts';
import type { KeychainEnvironment } from '../support/secret-service.ts';
import { type BuiltCopy, copyOfBuild, root } from './build.ts';

/** Two copies of the build, for the tests of one file. */
export interface KeychainBuilds {
  /** As packed: the library is not there. */
  readonly alone: BuiltCopy;
  readonly installed: BuiltCopy;
}

/** Makes the copies before the tests of a file and removes them after. */
export function keychainBuilds(): KeychainBuilds {
  let alone: BuiltCopy;
  let installed: BuiltCopy;
  beforeAll(async () => {
    alone = await copyOfBuild();
    installed = await copyOfBuild();
    const folder = join(installed.locate('service-connection')[1] ?? '', '..');
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  }, 120_000);
  afterAll(() => Promise.all([alone.remove(), installed.remove()]));
  afterEach(() => {
    vi.unstubAllEnvs();
  });
  return {
    get alone() {
      return alone;
    },
    get installed() {
      return installed;
    },
  };
}

/** A stage of its own for one test, whose executables may use this keychain. */
export async function keychainStage(build: BuiltCopy, keychain: KeychainEnvironment | object): Promise<Stage> {
  const stage = await openStage({ locate: build.locate, environment: { ...keychain, MAI_KEYCHAIN: '' } });
  onTestFinished(() => stage.close());
  return stage;
}
