/** Opens the platform the way every command does: from the environment of its run. */

import type { Configuration, Interface } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';
import { type Opening, type Platform, preparePlatform } from '../platform/client.ts';
import { unknownMemberWords } from '../platform/known-members.ts';
import { Secret } from '../secret/secret.ts';
import type { Ports } from './ports.ts';
import { type RecordingPorts, recording } from './recording.ts';
import { proxiesOf } from './way-out.ts';
import { usualAddress } from './workspace.ts';

/** What the configuration says of the platform. */
type PlatformSection = Interface['platform'];

/** Opens the platform for reading: nobody has to be anybody. Throws as {@link prepareFromEnvironment}. */
export async function platformForReading(
  ports: RecordingPorts & Pick<Ports, 'directories' | 'environment' | 'signal'>,
  section?: Partial<PlatformSection>,
): Promise<Platform> {
  return (await prepareFromEnvironment(ports, section))(undefined);
}

/**
 * Prepares the platform with the credential, address, signal and progress of a run. Of several credentials the first counts,
 * in the order of the SDK: key, bearer token, workload identity federation. Profiles on disk are not looked at. Throws as
 * {@link preparePlatform} does, and `platform_key_missing` where the variables of federation are set in part.
 */
export async function prepareFromEnvironment(
  ports: RecordingPorts & Pick<Ports, 'directories' | 'environment' | 'signal'>,
  { workspace_id: workspaceId, accepted_members: acceptedMembers }: Partial<PlatformSection> = {},
  configuration?: Configuration,
): Promise<Opening> {
  const { ANTHROPIC_API_KEY: key, ANTHROPIC_AUTH_TOKEN: token, ANTHROPIC_BASE_URL: baseUrl } = ports.environment;
  requireHeaderText('ANTHROPIC_API_KEY', key);
  requireHeaderText('ANTHROPIC_AUTH_TOKEN', token);
  // The variables that only federation has are looked at in its own file; a run with a key does not load it.
  const federated = federationVariables.some((name) => ports.environment[name] !== undefined);
  const used = key === undefined ? 'ANTHROPIC_AUTH_TOKEN' : 'ANTHROPIC_API_KEY';
  const stored = key ?? token;
  if (stored !== undefined && federated) {
    ports.tell.warn(`${used} is set and used: the variables of workload identity federation beside it are not`);
  }
  if (key !== undefined && token !== undefined) {
    ports.tell.warn('ANTHROPIC_API_KEY is set and used: ANTHROPIC_AUTH_TOKEN beside it is not');
  }
  const federation =
    stored === undefined && federated ? (await import('./federation.ts')).federationFrom(ports) : undefined;
  return await preparePlatform({
    baseUrl,
    apiKey: key === undefined ? undefined : new Secret(key),
    authToken: token === undefined ? undefined : new Secret(token),
    federation,
    workspaceId,
    acceptedMembers,
    signal: ports.signal,
    proxies: proxiesOf(ports),
    onWait: (text) => ports.tell.warn(text),
    onChange: recording(ports, { address: baseUrl ?? usualAddress, id: workspaceId }, configuration),
    onUnknownMember: (member) => ports.tell.note(unknownMemberWords(member)),
  });
}

/** What a bearer token may be made of (RFC 6750 section 2.1, `b68token`); keys are made of less. Nothing else fits a header. */
const keyText = /^[\w.~+/-]+=*$/;

/** Throws `usage` for a key that was copied with something around it. The key itself is never shown (P3). */
function requireHeaderText(name: string, value: string | undefined): void {
  if (value === undefined || keyText.test(value)) return;
  const place = [...value].findIndex((character) => !/[\w.~+/=-]/.test(character)) + 1;
  throw new AppError('usage', `${name} holds a character that no key has, at place ${place || value.length}`, {
    hint: 'set it to the key alone, without quotation marks, spaces and line ends',
  });
}

/** Those that somebody sets who wants federation. */
const federationVariables = [
  'ANTHROPIC_FEDERATION_RULE_ID',
  'ANTHROPIC_SERVICE_ACCOUNT_ID',
  'ANTHROPIC_IDENTITY_TOKEN_FILE',
  'ANTHROPIC_IDENTITY_TOKEN',
] as const;
