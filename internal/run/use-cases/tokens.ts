/** One token, or the tokens of one session: what it says and whether it counts, and taking them back. */
import { decodeJwt } from 'jose';
import { AppError } from '../../errors/app-error.ts';
import { Secret } from '../../secret/secret.ts';
import { verifyHere } from '../../session-token/parent.ts';
import { quote } from '../../text/quote.ts';
import { openScopedRun, openSession } from '../open-session.ts';
import type { Ports } from '../ports.ts';
import { begunBy, endTokens, ofSessions, tokenIssuerOf, verifyingHere } from '../session-tokens.ts';
import type { InspectedToken, RevokedTokens, RevokeTokensRequest } from '../values/session-tokens.ts';

/**
 * Reads a token that is typed unseen or piped in, and verifies it with the keys and the list of this machine. Only a person who
 * signs in sees what is in one. Throws `usage` where the configuration has no such tokens.
 */
export async function inspectToken(_request: object, ports: Ports): Promise<InspectedToken> {
  const run = await openScopedRun(ports, { all: false }, 'setup-session token inspect');
  const issuer = requireIssuer(await tokenIssuerOf(ports, run));
  const entered = await ports.entered({ what: 'the session token', command: 'setup-session token inspect' });
  const token = new Secret(entered.trim());
  const verified = await verifyHere(await verifyingHere(issuer, run.configuration), token);
  const claims = claimsIn(token);
  if (verified.ok) return { counts: true, code: null, why: null, claims };
  return { counts: false, code: verified.code, why: verified.description, claims };
}

/**
 * Takes back every token of a session of one's own, or for operators of anybody's, and of those that it began. A turn that is under way
 * goes on without; nobody sends anything to it any more.
 */
export async function revokeTokens({ session: id, dryRun }: RevokeTokensRequest, ports: Ports): Promise<RevokedTokens> {
  const { run, session } = await openSession(ports, 'setup-session token revoke', id);
  const issuer = requireIssuer(await tokenIssuerOf(ports, run));
  const tended = ofSessions([session.id]);
  const known = (await issuer.identities.all()).find(({ identity }) => identity !== undefined && tended(identity));
  const begun = await begunBy(ports, run, tended);
  // A run that was killed may have left those that it began.
  if (known?.identity === undefined && begun.length === 0) {
    throw new AppError('usage', `no tokens of the session ${quote(session.id)} are known on this machine`, {
      hint: 'they are taken back where they were issued, or by ending the session: setup-session stop <session>',
    });
  }
  const servers = known?.identity?.servers.map(({ service }) => service) ?? [];
  if (dryRun) return { session_id: session.id, change: 'would be taken back', servers, begun };
  // What asks for nothing else does not say that it was done where it was not.
  const [fault] = await endTokens(ports, run, tended, { ended: false });
  if (fault !== undefined) throw fault;
  return { session_id: session.id, change: 'taken back', servers, begun };
}

function requireIssuer<Issuer>(issuer: Issuer | undefined): Issuer {
  if (issuer !== undefined) return issuer;
  throw new AppError('usage', 'the configuration has no session_tokens', {
    hint: 'say who signs and where keys are published: docs/session-identity.md',
  });
}

/** What a token says of itself; null for what is none. */
function claimsIn(token: Secret): Record<string, unknown> | null {
  try {
    return { ...decodeJwt(token.reveal()) };
  } catch {
    return null;
  }
}
