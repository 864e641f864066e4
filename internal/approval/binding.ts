/**
 * What a yes or no is bound to: exactly these arguments, at this server, for this version of the agent, by this policy. Where
 * any of it is another one, it is another question, and no answer that was given before counts for it. Pure.
 */
import type { Configuration } from '../config/definitions.ts';
import { configurationDigest } from '../config/digest.ts';
import type { Session } from '../platform/sessions.ts';
import { callDigest } from '../session/call.ts';
import type { ToolCall } from '../session/event.ts';
import { canonicalJson, sha256 } from '../text/canonical.ts';

/** One question, in texts. */
export interface Binding {
  session: string;
  call: string;
  /** Of the arguments, with session, call, service and tool. */
  digest: string;
  service: string;
  tool: string;
  /** The address that the session has for the service; empty for the platform's own tools. */
  server: string;
  /** The id of the agent and its version. */
  agent: string;
  version: string;
  /** The digest of the configuration. */
  policy: string;
}

/** What an answer to a call is bound to; undefined for a call whose arguments nobody can read. */
export function bindingOf(
  { id, agent }: Pick<Session, 'id' | 'agent'>,
  call: ToolCall,
  configuration: Configuration,
): Binding | undefined {
  const digest = callDigest(id, call);
  const { eventId, service, tool } = call;
  if (digest === undefined || service === undefined || tool === undefined) return undefined;
  const server = agent.mcp_servers.find(({ name }) => name === service)?.url ?? '';
  return {
    session: id,
    call: eventId,
    digest,
    service,
    tool,
    server,
    agent: agent.id,
    version: String(agent.version),
    policy: configurationDigest(configuration),
  };
}

/** One text that is equal for equal bindings only. */
export function bindingDigest(binding: Binding): string {
  return sha256(canonicalJson(binding));
}
