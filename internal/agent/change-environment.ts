/**
 * Puts the file of an environment in force. Environments have neither versions nor a condition on an update, so a change
 * is announced in the metadata first, and made only after every session that was looking at the environment before has
 * been created: whoever starts one refuses an announced change, and looks again where it took longer (start.ts). Of two
 * changes at once the one whose announcement stands at the end is made; the other run says that it lost. A run that does
 * not come to its change takes its announcement back; where it was killed, the next apply goes on, and sessions wait no
 * longer than an apply can take.
 */

import { randomUUID } from 'node:crypto';
import { clock } from '../clock/clock.ts';
import type { Environment } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { quote } from '../text/quote.ts';
import { createEnvironment, networkOf } from './create.ts';
import { nameKey } from './definition.ts';
import {
  announcement,
  changingKey,
  compareEnvironment,
  environmentDigest,
  type FoundEnvironment,
  judgeEnvironment,
  packagesOf,
  sameContent,
} from './environment.ts';
import type { LockedEnvironment } from './lock.ts';

/** How long an announced change waits before it is made. */
const announcedMs = 5_000;

/** After this long a start that began with a look looks again: a change that was announced since may have been made. */
export const lookAgainAfterMs: number = announcedMs - 500;

/** Creates the environment or puts its file in force. Throws a `PlatformError`, or `drift` where another run was quicker. */
export async function applyEnvironment(
  platform: Platform,
  meant: Environment,
  found: FoundEnvironment | undefined,
  signal: AbortSignal,
  onWait: (text: string) => void = () => {},
): Promise<LockedEnvironment> {
  const environment = found ?? (await createEnvironment(platform, meant));
  const { id } = environment;
  if (judgeEnvironment(meant, environment, undefined).act !== 'none')
    await update(platform, meant, environment, signal, onWait);
  return { id, sha256: environmentDigest(meant) };
}

async function update(
  platform: Platform,
  meant: Environment,
  found: FoundEnvironment,
  signal: AbortSignal,
  onWait: (text: string) => void,
): Promise<void> {
  const { id } = found;
  const { name } = meant;
  const look = () => platform.environments.retrieve(id, { label: name });
  const announced = announcement(randomUUID(), new Date(clock.now().getTime() + platform.aheadMs()));
  const takeBack = () => withdraw(platform, { id, name, announced }, onWait);
  try {
    await platform.environments.announce(id, { metadata: { [changingKey]: announced } }, { label: name });
    onWait(`sessions of the environment ${name} that are being started are let through (${announcedMs / 1000} s)`);
    await clock.pause(announcedMs, signal);
    const now = await look();
    if (now.metadata[changingKey] !== announced || !sameContent(found, now)) throw lostRace(name);
  } catch (error) {
    await takeBack();
    throw error;
  }
  const config = {
    type: 'cloud' as const,
    networking: networkOf(meant),
    ...(packagesOf(found).length > 0 && { packages: noPackages }),
  };
  const metadata = { [changingKey]: null, [nameKey]: name };
  const settled = await platform.environments
    .update(id, { config, description: meant.description ?? null, metadata }, { label: name })
    .catch(async (error: unknown) => {
      if (!(error instanceof PlatformError)) throw error;
      // Where it is not known whether it was made it may still be: then the announcement has to stay.
      if (error.outcome === 'refused') await takeBack();
      if (error.outcome !== 'unknown') throw error;
      const after = await look();
      if (compareEnvironment(meant, after).length > 0) throw error;
      return after;
    });
  if (compareEnvironment(meant, settled).length > 0) throw lostRace(name);
}

/** Takes back what was announced and will not be made: while it stands there, nobody's session starts. */
async function withdraw(
  platform: Platform,
  { id, name, announced }: { id: string; name: string; announced: string },
  onWait: (text: string) => void,
): Promise<void> {
  try {
    const how = { label: name, uninterrupted: true };
    // Another run's own stays: that run would think that it was taken from it.
    const { metadata } = await platform.environments.retrieve(id, how);
    if (metadata[changingKey] !== announced) return;
    await platform.environments.announce(id, { metadata: { [changingKey]: null } }, how);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    onWait(
      `the change of the environment ${name} may stay announced, and then no session of it starts for some minutes, or until setup-session agents apply has ended: ${error.message}`,
    );
  }
}

function lostRace(name: string): AppError {
  return new AppError('drift', `somebody else changed the environment ${quote(name)} at the same moment`, {
    hint: 'nothing was overwritten; look at what they did: setup-session agents plan',
  });
}

/** Left out of an update they would stay. */
const noPackages = { apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] };
