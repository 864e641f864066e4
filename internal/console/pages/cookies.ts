/**
 * The cookies of the pages: opaque, for this origin alone (`__Host-`), unseen by scripts, and brought along by whoever comes
 * from the identity provider. None of them holds a token of anybody.
 */
import { createHmac } from 'node:crypto';
import type { Context } from 'hono';
import type * as z from 'zod/mini';
import { sha256 } from '../../text/canonical.ts';

/** The cookie of a session; also what stands in the session in place of the thumbprint of a key, which no key has. */
export const sessionCookie = 'console';

const prefix = '__Host-';

/** The value of one; undefined where none is brought, or two that both claim to be it. */
export function cookieOf(c: Context, name: string): string | undefined {
  const values = cookiesOf(c).filter(([each]) => each === name);
  return values.length === 1 ? values[0]?.[1] : undefined;
}

/** All of ours that are brought along, by their names. */
export function cookiesOf(c: Context): [name: string, value: string][] {
  return (c.req.header('cookie') ?? '').split(';').flatMap((each) => {
    const [name = '', ...value] = each.trim().split('=');
    return name.startsWith(prefix) ? [[name.slice(prefix.length), value.join('=')]] : [];
  });
}

/** Has the browser keep one. */
export function setCookie(c: Context, name: string, value: string, { seconds }: { seconds: number }): void {
  const words = `${prefix}${name}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${seconds}`;
  c.header('set-cookie', words, { append: true });
}

/** Has the browser forget one. */
export function expired(c: Context, name: string): void {
  setCookie(c, name, '', { seconds: 0 });
}

/** What stands in every form of this browser, and in nobody else's. Every replica knows it, and none has to keep it. */
export function formTokenOf(cookie: string): string {
  return createHmac('sha256', cookie).update('forms').digest('base64url');
}

/** The cookie of an attempt to sign in, by its state. */
export function attemptCookie(state: string): string {
  return `${attempts}${sha256(state).slice(0, 16)}`;
}

/** What the names of those begin with. */
export const attempts = 'at-';

/** The cookie of somebody who is at a service, by the state that they bring back. */
export function awayCookie(state: string): string {
  return `away-${sha256(state).slice(0, 16)}`;
}

/** A value as a cookie. */
export function packed(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The value that a cookie holds; undefined for none, and for one of another form. */
export function unpacked<Value>(cookie: string | undefined, definition: z.ZodMiniType<Value>): Value | undefined {
  if (cookie === undefined) return undefined;
  try {
    const read = definition.safeParse(JSON.parse(Buffer.from(cookie, 'base64url').toString()));
    return read.success ? read.data : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
