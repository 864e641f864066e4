/** What a run that goes on for long looks at again and again: whether its person may still, and whether the rules are the same. */
import { clock } from '../clock/clock.ts';
import { configurationDigest } from '../config/digest.ts';
import { AppError } from '../errors/app-error.ts';
import { refuseOffboarded } from '../vault/resolve.ts';
import type { Ports } from './ports.ts';
import { type OperatorRun, readProject } from './project.ts';

/** How old an answer to that may be. */
const everyMs = 15_000;

/** What is asked, and what is said where it is not so any more. */
interface StandingQuestion {
  what: string;
  again: string;
  requireStanding?: (run: OperatorRun, principal: OperatorRun['principal']) => Promise<void>;
}

/**
 * Throws `offboarded` or `drift` once it is so, and what looking throws: nothing is known then. Asks at most every 15 s, and
 * once for all who ask meanwhile. `what`: what is not done any more, in words; `again`: the command that begins anew;
 * `requireStanding`: how it is asked whether they were let go, which may be less where a run only shows something.
 */
export function stillAsBegun(
  ports: Ports,
  run: OperatorRun,
  { what, again, requireStanding = refuseOffboarded }: StandingQuestion,
): () => Promise<void> {
  const digest = configurationDigest(run.configuration);
  let looked: { at: number; asking: Promise<void> } | undefined;
  const look = async () => {
    await requireStanding(run, run.principal);
    await requireConfiguration(ports, digest, what, again);
  };
  return async () => {
    if (looked === undefined || clock.monotonic() - looked.at >= everyMs) {
      looked = { at: clock.monotonic(), asking: look() };
    }
    const mine = looked;
    try {
      await mine.asking;
    } catch (error) {
      // Only a yes is remembered.
      if (looked === mine) looked = undefined;
      throw error;
    }
  };
}

/** Throws `drift` where the configuration is not the one with this digest any more. */
export async function requireConfiguration(ports: Ports, digest: string, what: string, again: string): Promise<void> {
  const { project } = ports;
  const now = { ...project, read: (await project.readAgain?.()) ?? project.read };
  const { configuration } = await readProject({ ...ports, project: now });
  if (configurationDigest(configuration) === digest) return;
  throw new AppError('drift', `the configuration is another one now, and ${what}`, { hint: again });
}
