/** Rules of `session_tokens`, and between it and the files of services. */
import type { Interface, WrittenService } from './definitions.ts';
import type { Finding } from './mistake.ts';

/** Rules between them and the rest of `interface.yaml`. */
export function sessionTokensFindings({ session_tokens: tokens, platform }: Partial<Interface>): Finding[] {
  if (tokens === undefined) return [];
  const findings: Finding[] = tokens.signers.flatMap(({ kid }, index) =>
    tokens.signers.findIndex((each) => each.kid === kid) === index
      ? []
      : [{ path: ['session_tokens', 'signers', index, 'kid'], problem: 'is the key of another signer too' }],
  );
  if (platform !== undefined && platform.workspace_id === undefined && platform.workspaces === undefined) {
    const problem = 'needs platform.workspace_id or platform.workspaces: a token names the workspace of its session';
    findings.push({ path: ['session_tokens'], problem, atKey: true });
  }
  return findings;
}

/** What is wrong with the files of services whose tokens nobody would sign. */
export function unsignedServices(
  services: ReadonlyMap<string, Partial<WrittenService>>,
  tokens: Interface['session_tokens'],
): { service: string; finding: Finding }[] {
  if (tokens !== undefined) return [];
  const problem = 'got "session-token", and interface.yaml has no session_tokens that say who signs';
  return [...services].flatMap(([service, { auth }]) =>
    auth === undefined ? [] : [{ service, finding: { path: ['auth'], problem } }],
  );
}
