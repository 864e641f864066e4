import type { BetaEnvironment } from '@anthropic-ai/sdk/resources/beta/environments/environments';
import type {
  BetaManagedAgentsBudgetLimit,
  BetaManagedAgentsSession,
  BetaManagedAgentsSessionAgent,
} from '@anthropic-ai/sdk/resources/beta/sessions/sessions';
import type { Clock } from '../clock.ts';
import { inArbitraryOrder } from './arbitrary-order.ts';
import { Collection } from './collection.ts';
import type { NewEvent, SessionEvent } from './event.ts';
import { newId } from './identifier.ts';
import type { Metadata } from './metadata.ts';

/** What a session is created with. */
export interface SessionSettings {
  agent: BetaManagedAgentsSessionAgent;
  environment: BetaEnvironment;
  vaultIds: readonly string[];
  title: string | null;
  metadata: Metadata;
  budget: BetaManagedAgentsBudgetLimit | null;
}

/** Somebody who wants to hear of events as they happen. */
export interface Listener {
  happened(event: SessionEvent): void;
  deleted(timestamp: string): void;
}

/** A thread of a sub-agent. The sandbox's agents have none: tests put them there. */
export interface Thread {
  readonly id: string;
  readonly shown: object;
  readonly history: Collection<SessionEvent>;
}

/** A stored session: its settings, its status and its events. What happens in it is the turn loop's business. */
export class Session {
  readonly id = newId('sesn');
  readonly createdAt: string;
  /** Documented: a change of the environment reaches later sessions only, so this is a copy. */
  readonly environment: BetaEnvironment;
  readonly vaultIds: readonly string[];
  readonly history = new Collection<SessionEvent>();
  readonly threads = new Collection<Thread>();
  readonly listeners = new Set<Listener>();
  agent: BetaManagedAgentsSessionAgent;
  title: string | null;
  metadata: Metadata;
  budget: BetaManagedAgentsBudgetLimit | null;
  status: BetaManagedAgentsSession['status'] = 'idle';
  updatedAt: string;
  archivedAt: string | null = null;
  usage = { input_tokens: 0, output_tokens: 0 };
  readonly #clock: Clock;

  constructor(settings: SessionSettings, clock: Clock) {
    this.#clock = clock;
    this.createdAt = clock.timestamp();
    this.updatedAt = this.createdAt;
    this.agent = settings.agent;
    this.environment = structuredClone(settings.environment);
    this.vaultIds = settings.vaultIds;
    this.title = settings.title;
    this.metadata = settings.metadata;
    this.budget = settings.budget;
  }

  get environmentId(): string {
    return this.environment.id;
  }

  /** Gives an event its id and time, stores it and tells whoever listens. */
  publish(event: NewEvent & { id?: string }): SessionEvent {
    // An event type with its stamp is again that event type, which the compiler cannot see for a union.
    const stamped = { id: newId('sevt'), ...event, processed_at: this.#clock.timestamp() } as SessionEvent;
    this.history.add(stamped);
    for (const listener of this.listeners) listener.happened(stamped);
    return stamped;
  }

  touch(): void {
    this.updatedAt = this.#clock.timestamp();
  }

  /** Shows the session as answers carry it. */
  shown(): BetaManagedAgentsSession {
    const seconds = (this.#clock.now() - Date.parse(this.createdAt)) / 1000;
    return {
      id: this.id,
      type: 'session',
      agent: {
        ...this.agent,
        tools: inArbitraryOrder(this.agent.tools),
        mcp_servers: inArbitraryOrder(this.agent.mcp_servers),
      },
      environment_id: this.environment.id,
      vault_ids: [...this.vaultIds],
      title: this.title,
      metadata: this.metadata,
      status: this.status,
      resources: [],
      budget: this.budget,
      stats: { active_seconds: 0, duration_seconds: Math.max(0, seconds) },
      usage: this.usage,
      outcome_evaluations: [],
      deployment_id: null,
      created_at: this.createdAt,
      updated_at: this.updatedAt,
      archived_at: this.archivedAt,
    };
  }
}
