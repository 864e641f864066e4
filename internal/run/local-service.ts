/** A service as agents on people's own machines may ask for it. */
import type { Configuration, Service } from '../config/definitions.ts';
import { serviceNamed } from '../config/lookup.ts';
import { AppError } from '../errors/app-error.ts';
import { quote } from '../text/quote.ts';

/** What has a person do whatever is missing. */
export function commandFor(service: string): string {
  return `service-connection headers ${service} --authorize`;
}

/** Throws `not_allowed` for an address that is not the one of the catalogue: what is asked for would be sent there. */
export function requireAddress({ name, mcp_server_url: ours }: Service, url: string): void {
  if (url === ours) return;
  throw new AppError('not_allowed', `${quote(url)} is not the address of ${quote(name)}, which is ${quote(ours)}`, {
    hint: `write the entry again: service-connection headers --install ${name}`,
  });
}

/** A service of the catalogue that is open to local agents. Throws `unknown_service` and `not_allowed` (P4). */
export function localService(configuration: Configuration, name: string): Service {
  const service = serviceNamed(configuration, name);
  if (service.local_agents !== undefined) return service;
  throw new AppError('not_allowed', `${quote(name)} is not open to agents on people's own machines`, {
    hint: `whoever reviews config/services/${name}.yaml can open it: local_agents`,
  });
}
