/** What the reviewed pin says of a tool, for the verdict on it. */
import type { Configuration } from '../config/definitions.ts';
import { routers } from '../offer/router.ts';
import { readToolsLock } from './lock.ts';
import { isAsReviewed, type ToolsLock } from './pinned.ts';

/** Why a pin says what it says. */
export type PinReason =
  /** Nobody has listed the tools of this service yet: there is no pin, and it narrows nothing. */
  | 'not-pinned'
  | 'as-reviewed'
  /** The service file names another server than the one whose tools were listed. */
  | 'other-server'
  /** The service did not list it. */
  | 'not-listed'
  /** The service listed it in a way that nobody can review. */
  | 'not-reviewable'
  | 'no-longer-listed'
  | 'new'
  | 'changed'
  /** It is another each time the service is asked. */
  | 'varying'
  /** It can only be called as a task, which nothing here starts. */
  | 'needs-task';

/** What the pin says of one tool. */
export interface PinJudgement {
  verdict: 'on' | 'off';
  reason: PinReason;
  /** In words, where there is more to say than the reason: why it cannot be reviewed. */
  why?: string;
  /** What raises what it counts as: the server's claims, which never lower it. Undefined where nothing is pinned. */
  annotations: { readOnlyHint?: boolean; destructiveHint?: boolean; router?: boolean } | undefined;
  /** By what it is known as a router, and why a person said that it is none; undefined where it is none. */
  router?: { shape: string; reason: string | undefined };
}

/** The pins of a configuration. */
export interface Pins {
  /** Pure and total. */
  pinVerdict(service: string, tool: string): PinJudgement;
}

/** The pins beside a configuration. Throws `config_invalid` where the file was edited by hand. */
export async function readPins(configuration: Pick<Configuration, 'folder' | 'services' | 'together'>): Promise<Pins> {
  return pinsOf(await readToolsLock(configuration), configuration.services);
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
  if (section === undefined) return { verdict: 'on', reason: 'not-pinned', annotations: undefined };
  if (pinned === undefined) {
    const isThere = services.get(service)?.mcp_server_url === section.mcpServerUrl;
    const left = isThere ? section.leftOut.find(({ name }) => name === tool) : undefined;
    const reason = !isThere ? 'other-server' : left === undefined ? 'not-listed' : 'not-reviewable';
    return { verdict: 'off', reason, annotations: undefined, ...(left === undefined ? {} : { why: left.why }) };
  }
  const { facts, review } = pinned;
  const isReviewed = isAsReviewed(pinned);
  const reason = isReviewed ? review?.reason : undefined;
  const said = {
    annotations: { ...facts.hints, ...(facts.router !== undefined && reason === undefined ? { router: true } : {}) },
    ...(facts.router === undefined ? {} : { router: { shape: routers[facts.router], reason } }),
  };
  const off = (why: PinReason): PinJudgement => ({ verdict: 'off', reason: why, ...said });
  if (services.get(service)?.mcp_server_url !== section.mcpServerUrl) return off('other-server');
  if (!pinned.offered) return off('no-longer-listed');
  if (facts.needsTask === true) return off('needs-task');
  if (review === undefined) return off('new');
  if (!isReviewed) return off(pinned.varies === undefined ? 'changed' : 'varying');
  return { verdict: 'on', reason: 'as-reviewed', ...said };
}
