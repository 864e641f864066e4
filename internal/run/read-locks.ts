/** The files beside a configuration that say what was put in force, pushed and reviewed. */
import { readAgentsLock } from '../agent/lock.ts';
import type { Agent, Configuration } from '../config/definitions.ts';
import { readSkillPins } from '../skills/skill-pins.ts';
import { readPins } from '../tool-review/pin.ts';

/** What was put in force, pushed and reviewed for an agent, as the files beside its configuration say. */
export async function readLocks(configuration: Configuration, agent: Agent, signal: AbortSignal) {
  const [lock, pins, toolPins] = await Promise.all([
    readAgentsLock(configuration),
    // Not read for an agent without skills.
    agent.skills.length === 0 ? new Map() : readSkillPins(configuration, signal),
    readPins(configuration),
  ]);
  return { lock, pins, toolPins };
}
