/**
 * The official SDK, only as much of it as is used: its resources are built one by one, because its ready-made client
 * brings all of them and costs every run four times the code to read.
 */
import type Anthropic from '@anthropic-ai/sdk';
import { BaseAnthropic, type ClientOptions } from '@anthropic-ai/sdk/client';
import { Stream } from '@anthropic-ai/sdk/core/streaming';
import { Agents } from '@anthropic-ai/sdk/resources/beta/agents/agents';
import { Environments } from '@anthropic-ai/sdk/resources/beta/environments/environments';
import { Sessions } from '@anthropic-ai/sdk/resources/beta/sessions/sessions';
import { Skills as BetaSkills } from '@anthropic-ai/sdk/resources/beta/skills/skills';
import { Vaults } from '@anthropic-ai/sdk/resources/beta/vaults/vaults';
import { Skills } from '@anthropic-ai/sdk/resources/skills/skills';

export type { ClientOptions } from '@anthropic-ai/sdk/client';
export { APIConnectionError, APIError } from '@anthropic-ai/sdk/error';
// The client has it on board in any case.
export { oidcFederationProvider } from '@anthropic-ai/sdk/lib/credentials/oidc-federation';

/** The parts of the official client that features see inside `read` and `change`. */
export interface Client {
  beta: Pick<Anthropic['beta'], 'agents' | 'environments' | 'sessions' | 'skills' | 'vaults'>;
  skills: Anthropic['skills'];
}

/** The frames of a stream before the SDK's own rules: it drops those without `event:` and fails on data that is no JSON. */
export const rawEvents = Stream.rawEvents;

/** A client with the resources that the product uses. */
export function connect(options: ClientOptions): Client {
  const base = new BaseAnthropic(options);
  return {
    beta: {
      agents: new Agents(base),
      environments: new Environments(base),
      sessions: new Sessions(base),
      skills: new BetaSkills(base),
      vaults: new Vaults(base),
    },
    skills: new Skills(base),
  };
}
