/** `service-connection headers`: the header of one person for one service, for an agent on their own machine. */
import type { Ports } from '../ports.ts';
import type {
  Allowed,
  AllowRequest,
  Ended,
  EndRequest,
  Headers,
  HeadersRequest,
  Installed,
  InstallRequest,
} from '../values/headers.ts';

/** The header. Nobody is ever asked for anything. Throws what judging throws, `sign_in_needed` and `connection_needed`. */
export async function giveHeaders(request: HeadersRequest, ports: Ports): Promise<Headers> {
  return await (await import('../local-agents.ts')).giveHeaders(request, ports);
}

/** Has the person sign in and allow what local agents need, as far as either is missing. */
export async function allowLocalAgents(request: AllowRequest, ports: Ports): Promise<Allowed> {
  return await (await import('../local-agents.ts')).allowLocalAgents(request, ports);
}

/** Takes the access of local agents out of the keychain, and gives it back where that ends nothing else. */
export async function endLocalAccess(request: EndRequest, ports: Ports): Promise<Ended> {
  return await (await import('../local-agents.ts')).endLocalAccess(request, ports);
}

/** Writes the entries of services into `.mcp.json`, and nothing secret. */
export async function installHeaders(request: InstallRequest, ports: Ports): Promise<Installed> {
  return await (await import('../install-headers.ts')).installHeaders(request, ports);
}
