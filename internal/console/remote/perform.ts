/**
 * Carries a use-case out at the console: the same request, the same result, and no key on this machine. What the person is
 * told and asked is told and asked here; a browser that a service sends back comes back here.
 */

import type { Requirement } from '../../config/definitions.ts';
import { reviewedHosts } from '../../config/hosts.ts';
import { AppError } from '../../errors/app-error.ts';
import { allOf } from '../../identity/assurance.ts';
import { called } from '../../identity/last-person.ts';
import type { Proven } from '../../identity/proof.ts';
import { consoleClient } from '../../outside/console-client.ts';
import { readSecretFrom } from '../../outside/file-descriptor.ts';
import { browserVisit } from '../../run/browser-visit.ts';
import { parentTokenWords } from '../../run/parent-token.ts';
import type { Ports } from '../../run/ports.ts';
import { beginOperatorProof } from '../../run/project.ts';
import type { TrustedConfiguration } from '../../run/trusted-configuration.ts';
import { type Asking, useCasePath } from '../protocol.ts';
import { commandOf, type Reachable } from '../reach.ts';
import { ConsoleRefusal, openConnection } from './connection.ts';
import { follow } from './follow.ts';

/** What is carried out, and where. */
export interface RemoteRequest {
  configuration: TrustedConfiguration;
  /** The console of the configuration. */
  origin: string;
  useCase: Reachable;
  request: unknown;
}

/** Carries it out. Throws what the use-case throws there, what signing in throws, `console_unreachable` and `console_refused`. */
export async function performAtConsole(ports: Ports, remote: RemoteRequest): Promise<unknown> {
  const { configuration, origin, useCase } = remote;
  refuseDescriptors(ports);
  const command = commandOf(useCase, ports.executable, remote.request);
  // What was warned of here is not said again by the other side.
  const warned = new Set<string>();
  const handedOver = parentTokenIn(ports);
  const here: Ports = {
    ...ports,
    async entered(entering) {
      return entering.what === parentTokenWords && handedOver !== undefined
        ? await handedOver()
        : await ports.entered(entering);
    },
    tell: {
      ...ports.tell,
      warn(text, event) {
        warned.add(text);
        ports.tell.warn(text, event);
      },
    },
  };
  const visit = browserVisit(here, command, reviewedHosts(configuration));
  const proof = await beginOperatorProof(here, configuration, visit);
  const askConsole = consoleClient(origin, visit);
  let requirement: Requirement | undefined;
  let sign: 'needed' | 'always' = 'needed';
  for (let asked = 0; ; asked += 1) {
    const proven = await proof.prove(requirement === undefined ? {} : { requirement, sign });
    const asking: Asking = {
      executable: ports.executable as Asking['executable'],
      version: ports.version,
      workspace: ports.project.workspace ?? ports.environment.MAI_WORKSPACE,
      timeoutSeconds: ports.timeoutSeconds,
      interactive: ports.ask !== undefined,
      byCode: visit.showCode !== undefined,
      callbackPort: visit.callbackPort,
      signedInNow: proven.source === 'fresh',
    };
    try {
      const connection = await openConnection(origin, askConsole, shownProof(proven), ports.signal);
      const answer = await connection.ask(useCasePath(useCase.name), { request: remote.request, asking });
      return await follow({ ...ports, entered: here.entered }, { answer, connection, useCase, origin, visit, warned });
    } catch (error) {
      // A better sign-in is asked for once: the same one would be refused again.
      if (!(error instanceof ConsoleRefusal) || error.requirement === undefined || asked > 0) throw error;
      requirement = allOf([error.requirement as Requirement]);
      // What is kept is of the sign-in that was ended, however long ago that was.
      if (error.code === 'sign_in_needed') sign = 'always';
      ports.tell.warn(`the sign-in of ${called(proven.principal)} is not enough here: please sign in again`);
    }
  }
}

function shownProof({ token, principal }: Proven) {
  if (token !== undefined)
    return { token, kind: principal.kind === 'workload' ? ('job' as const) : ('person' as const) };
  throw new AppError('config_invalid', 'an account of this machine proves nobody to a console (identity.mode: os)');
}

/** The token of a session that begins another one, which a console asks for: it issued it. Read once, however often that is. */
function parentTokenIn({ descriptors: { parentToken }, signal }: Ports): (() => Promise<string>) | undefined {
  if (parentToken === undefined) return undefined;
  let read: Promise<string> | undefined;
  return () => {
    read ??= readSecretFrom(parentToken, signal, descriptorTimeoutMs).then((token) => token.reveal());
    return read;
  };
}

const descriptorTimeoutMs = 30_000;

/** Throws `usage`: what another program hands over here would have to go over the network, and does not. */
function refuseDescriptors({ descriptors }: Ports): void {
  const { clientSecret, ownershipKey, newKey, tokenKey } = descriptors;
  const given = [
    clientSecret === undefined ? [] : ['--client-secret-fd'],
    ownershipKey === undefined ? [] : ['--ownership-key-fd'],
    newKey === undefined ? [] : ['--private-key-to-fd'],
    tokenKey === undefined ? [] : ['--token-key-fd'],
  ].flat();
  if (given.length === 0) return;
  throw new AppError('usage', `${given.join(' and ')} is not read for a console`, {
    hint: 'enter the secret at the terminal; a key that signs belongs to the console (ownership.signer, session_tokens.signers)',
  });
}
