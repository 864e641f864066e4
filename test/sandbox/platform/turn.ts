import type { BetaManagedAgentsSessionAgent } from '@anthropic-ai/sdk/resources/beta/sessions/sessions';
import type { NewEvent, SessionEvent, StopReason } from './event.ts';
import type { McpConnection } from './mcp-connection.ts';

/** A person's answer to an ask. */
export interface Confirmation {
  result: 'allow' | 'deny';
  denyMessage: string | undefined;
  /** The result of a custom tool, which runs where the client is. */
  text?: string;
}

/** Why an MCP server cannot be used, in the terms of `session.error`. */
export class ServerUnusable extends Error {
  readonly kind: 'mcp_authentication_failed_error' | 'mcp_connection_failed_error';
  readonly server: string;

  constructor(kind: ServerUnusable['kind'], server: string, message: string) {
    super(message);
    this.kind = kind;
    this.server = server;
  }
}

/** One turn of a session, as the agent that plays it sees it. */
export interface Turn {
  /** The texts that the client sent for this turn. */
  readonly texts: readonly string[];
  readonly agent: BetaManagedAgentsSessionAgent;
  emit(event: NewEvent): SessionEvent;
  /** Opens a connection to one of the agent's MCP servers, or throws {@link ServerUnusable}. */
  connect(server: string): Promise<McpConnection>;
  /** Waits until every one of these tool use events is confirmed or denied. Throws when the turn is interrupted. */
  ask(toolUseIds: readonly string[]): Promise<ReadonlyMap<string, Confirmation>>;
}

/** Plays one turn. The status events, the usage and the confirmations around it are not its business. */
export type PlayTurn = (turn: Turn) => Promise<StopReason>;
