/**
 * The official SDK, only as much of it as is used: its resources are built one by one, because its ready-made client
 * brings all of them and costs every run four times the code to read.
 */
import { BaseAnthropic, type ClientOptions } from '@anthropic-ai/sdk/client';
import { Stream } from '@anthropic-ai/sdk/core/streaming';
import { Agents } from '@anthropic-ai/sdk/resources/beta/agents/agents';
import { Environments } from '@anthropic-ai/sdk/resources/beta/environments/environments';
import { Sessions } from '@anthropic-ai/sdk/resources/beta/sessions/sessions';
import { Skills as BetaSkills } from '@anthropic-ai/sdk/resources/beta/skills/skills';
import { Vaults } from '@anthropic-ai/sdk/resources/beta/vaults/vaults';
import { Skills } from '@anthropic-ai/sdk/resources/skills/skills';

export type { ClientOptions } from '@anthropic-ai/sdk/client';
export { AnthropicError, APIConnectionError, APIError } from '@anthropic-ai/sdk/error';
export { oidcFederationProvider } from '@anthropic-ai/sdk/lib/credentials/oidc-federation';
// The client has it on board in any case.
export { VERSION as sdkVersion } from '@anthropic-ai/sdk/version';

/** The frames of a stream before the SDK's own rules: it drops those without `event:` and fails on data that is no JSON. */
export const rawEvents = Stream.rawEvents;

/** The resources of the official client that the verbs use. Its types say what the documents promise, not what arrives. */
export type Client = ReturnType<typeof connect>;

/** A client with the resources that the product uses. */
export function connect(options: ClientOptions) {
  const base = new BaseAnthropic(options);
  return {
    agents: new Agents(base),
    environments: new Environments(base),
    sessions: new Sessions(base),
    vaults: new Vaults(base),
    skills: new Skills(base),
    /** Where a version is downloaded. */
    betaSkills: new BetaSkills(base),
  };
}
