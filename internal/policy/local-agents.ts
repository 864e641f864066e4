/**
 * What agents on a person's own machine may have of a service. Nobody stands between such an agent and the service, so no tool
 * can be switched off there: access that reaches a tool which is off for the person is not handed out at all (P5). Pure.
 */
import type { Configuration, Service } from '../config/definitions.ts';
import type { Principal } from '../identity/principal.ts';
import { classified } from './agent-says.ts';
import { effective } from './effective.ts';
import { personSays } from './person-says.ts';

/** All that its file asks for, or what only reads. */
export type LocalReach = 'usual' | 'read-only';

/** No session runs, in no environment of the platform: a condition on one does not hold. */
const noEnvironment = '';

/** How far a person's access may reach now; undefined where none is narrow enough. */
export function localReach(
  principal: Principal,
  configuration: Configuration,
  service: Service,
  now: Date,
): LocalReach | undefined {
  const say = personSays(principal, configuration, service.name, { principal, now, environment: noEnvironment });
  const tools = classified(service);
  const off = tools.filter(([tool, kind]) => effective(say(tool, kind)).verdict === 'off');
  if (tools.length > 0 && off.length === 0) return 'usual';
  const readingIsOn = service.tools.read.length > 0 && off.every(([, kind]) => kind !== 'read');
  return readingIsOn && service.authorization.scopes?.read_only !== undefined ? 'read-only' : undefined;
}

/** The scopes of the file that go with it; undefined where the file names none. */
export function scopesWithin({ authorization }: Service, reach: LocalReach): readonly string[] | undefined {
  const { default: usual = [], read_only: reading = [] } = authorization.scopes ?? {};
  if (reach === 'read-only') return reading;
  return usual.length === 0 ? undefined : [...usual, ...reading];
}
