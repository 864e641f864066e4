import { AppError } from '../errors/app-error.ts';
import { nearestHint } from '../text/nearest.ts';
import { quote } from '../text/quote.ts';
import type { Agent, Configuration, Service } from './definitions.ts';

/** The service of that name. Throws `unknown_service` with the nearest names (P4, P10). */
export function serviceNamed(configuration: Configuration, name: string): Service {
  const service = configuration.services.get(name);
  if (service !== undefined) return service;
  throw new AppError('unknown_service', `no service ${quote(name)} is configured`, {
    hint: nearestHint(name, [...configuration.services.keys()]),
  });
}

/** The agent of that name. Throws `unknown_agent` with the nearest names (P4, P10). */
export function agentNamed(configuration: Configuration, name: string): Agent {
  const agent = configuration.agents.get(name);
  if (agent !== undefined) return agent;
  throw new AppError('unknown_agent', `no agent ${quote(name)} is configured`, {
    hint: nearestHint(name, [...configuration.agents.keys()]),
  });
}

/** The services that people connect: not those whose tokens are made for each session. */
export function connectable({ services }: Pick<Configuration, 'services'>): Service[] {
  return [...services.values()].filter(({ auth }) => auth === undefined);
}

/** Throws `not_allowed` for a service that nobody connects. */
export function requireConnectable({ name, auth }: Service): void {
  if (auth === undefined) return;
  throw new AppError('not_allowed', `${quote(name)} takes tokens of sessions, and nobody connects it`, {
    hint: 'a session gets one by itself: setup-session --agent <name>',
  });
}
