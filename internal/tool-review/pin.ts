/** What the reviewed pin says of a tool, for the verdict on it. */
import type { Configuration } from '../config/definitions.ts';
import { isAsReviewed, readToolsLock, type ToolsLock } from './lock.ts';

/** Why a pin says what it says. */
export type PinReason =
  /** Nobody has listed the tools of this service yet: there is no pin, and it narrows nothing. */
  | 'not-pinned'
  | 'as-reviewed'
  /** The service file names another server than the one whose tools were listed. */
  | 'other-server'
  /** The service did not list it, or in a way that nobody can review. */
  | 'not-listed'
  | 'no-longer-listed'
  | 'new'
  | 'changed';

/** What the pin says of one tool. */
export interface PinJudgement {
  verdict: 'on' | 'off';
  reason: PinReason;
  /** What the server claims of the tool; it may raise caution and never lowers it. Undefined where nothing is pinned. */
  annotations: Readonly<Record<string, unknown>> | undefined;
}

/** The pins of a configuration. */
export interface Pins {
  /** Pure and total. */
  pinVerdict(service: string, tool: string): PinJudgement;
}

/** The pins beside a configuration. Throws `config_invalid` where the file was edited by hand. */
export async function readPins(configuration: Pick<Configuration, 'folder' | 'services'>): Promise<Pins> {
  return pinsOf(await readToolsLock(configuration.folder), configuration.services);
}

/** The pins of a lock. */
export function pinsOf(lock: ToolsLock, services: ReadonlyMap<string, { mcp_server_url: string }>): Pins {
  return { pinVerdict: (service, tool) => judge(lock, services, service, tool) };
}

function judge(
  lock: ToolsLock,
  services: ReadonlyMap<string, { mcp_server_url: string }>,
  service: string,
  tool: string,
): PinJudgement {
  const section = lock.get(service);
  const pinned = section?.tools.get(tool);
  const annotations = pinned?.tool.annotations;
  const off = (reason: PinReason): PinJudgement => ({ verdict: 'off', reason, annotations });
  if (section === undefined) return { verdict: 'on', reason: 'not-pinned', annotations };
  if (services.get(service)?.mcp_server_url !== section.mcpServerUrl) return off('other-server');
  if (pinned === undefined) return off('not-listed');
  if (!pinned.offered) return off('no-longer-listed');
  if (pinned.review === undefined) return off('new');
  return isAsReviewed(pinned) ? { verdict: 'on', reason: 'as-reviewed', annotations } : off('changed');
}
