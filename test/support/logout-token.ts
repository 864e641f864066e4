/** What a provider tells of a sign-in that ended, by the back channel (OpenID Connect Back-Channel Logout). */
import { randomUUID } from 'node:crypto';
import type { Sandbox } from '../sandbox/start.ts';
import { type Answered, ask } from './ask.ts';
import { idTokenOf, type TokenChange } from './console-caller.ts';

/** The event of a logout token. */
export const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';

/** A logout token as the provider signs it, of Ada's sign-in `one` unless a test says otherwise. */
export async function logoutTokenOf(
  sandbox: Sandbox,
  { claims = {}, typ = 'logout+jwt', ...how }: TokenChange = {},
): Promise<string> {
  const honest = {
    groups: undefined,
    email: undefined,
    email_verified: undefined,
    nonce: undefined,
    exp: Math.floor(Date.now() / 1000) + 120,
    jti: randomUUID(),
    sid: 'one',
    events: { [logoutEvent]: {} },
  };
  return await idTokenOf(sandbox, 'ada', { ...how, typ, claims: { ...honest, ...claims } });
}

/** Brings it to a console as a provider does. */
export async function bringLogout(
  address: string,
  token: string,
  {
    form = { logout_token: token },
    headers = {},
  }: { form?: Record<string, string>; headers?: Record<string, string> } = {},
): Promise<Answered> {
  return await ask(`${address}/v1/logout`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  });
}
