/** The first step of a browser in a sign-in, for tests that take the others by hand. */
import { ask } from './ask.ts';

/** A browser that began. */
export interface Begun {
  /** Where it is sent on to. */
  authorization: URL;
  redirectUri: string;
  state: string;
  /** What it sends to the redirect URI. */
  headers: { cookie: string };
}

/** Opens the start of a sign-in, as the program does that the command started. */
export async function begin(start: string | URL): Promise<Begun> {
  const { status, headers } = await ask(String(start));
  if (status !== 302) throw new Error(`the start answered ${status}`);
  const authorization = new URL(String(headers['location']));
  const [cookie = ''] = String(headers['set-cookie']).split(';');
  return {
    authorization,
    redirectUri: authorization.searchParams.get('redirect_uri') ?? '',
    state: authorization.searchParams.get('state') ?? '',
    headers: { cookie },
  };
}

/** A browser that begins as every browser does, and leaves the rest to the test. */
export function atAuthorization(act: (address: string, begun: Begun) => Promise<unknown>) {
  return async (start: string): Promise<unknown> => {
    const begun = await begin(start);
    const address = begun.authorization.href;
    await act(address, begun);
    return { passed: [address] };
  };
}
