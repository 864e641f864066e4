/** A command's connection to the console: a session for what proves the person, and requests that are proven with its key. */
import { randomInt } from 'node:crypto';
import * as z from 'zod/mini';
import { clock } from '../../clock/clock.ts';
import { AppError } from '../../errors/app-error.ts';
import type { AskConsole, ConsoleAnswer } from '../../outside/console-client.ts';
import { Secret } from '../../secret/secret.ts';
import { quote } from '../../text/quote.ts';
import { newProofKey, type ProofKey } from '../dpop.ts';
import { errorBody, exchanged, exchangeGrant, longestLine, tokenTypes, type WireError } from '../protocol.ts';
import { paths } from '../routes.ts';

/** What proves somebody, and of which kind it is. */
export interface ShownProof {
  token: Secret;
  kind: 'person' | 'job';
}

/** An open connection. */
export interface ConsoleConnection {
  /** Throws what the console answers that is no success, or `console_unreachable`. */
  ask(path: string, value: unknown): Promise<ConsoleAnswer>;
}

/** The console said no, and perhaps what a sign-in would have to show. */
export class ConsoleRefusal extends AppError {
  readonly requirement: WireError['requirement'];

  constructor({ code, message, hint, id, requirement }: WireError) {
    // Its own faults are not ours, and its log says which request it was.
    const isTheirs = code === 'bug' || code === 'console_refused' || code === 'platform_key_missing';
    const named = isTheirs && id !== undefined ? ` (request ${quote(id)})` : '';
    const options = hint === null || hint === undefined ? {} : { hint };
    if (code === 'bug') super('console_refused', `the console has a fault${named}`);
    else super(code, `${message}${named}`, options);
    this.requirement = requirement;
  }
}

/** How long a console is waited for that is asked too often: less than an agent waits for its header. */
const patienceMs = 8_000;

/**
 * Asks again as often as a console says that it is asked too often, which did nothing, until patience ends; the last answer then.
 * Those who were refused together come back one after the other.
 */
async function patiently(signal: AbortSignal, asking: () => Promise<ConsoleAnswer>): Promise<ConsoleAnswer> {
  const until = clock.monotonic() + patienceMs;
  for (;;) {
    const answer = await asking();
    if (answer.status !== 429) return answer;
    const pauseMs = (answer.retryAfterSeconds ?? 1) * 1000 + randomInt(1_000);
    if (clock.monotonic() + pauseMs > until || signal.aborted) return answer;
    answer.leave();
    await clock.pause(pauseMs, signal);
  }
}

/** Opens one: the first of two round trips. Throws as {@link ConsoleConnection.ask} does. */
export async function openConnection(
  origin: string,
  askConsole: AskConsole,
  { token, kind }: ShownProof,
  signal: AbortSignal,
): Promise<ConsoleConnection> {
  const key = await newProofKey();
  const exchange = async (): Promise<Secret> => {
    const form = new URLSearchParams({
      grant_type: exchangeGrant,
      subject_token: token.reveal(),
      subject_token_type: tokenTypes[kind],
    });
    const answer = await patiently(signal, async () =>
      askConsole(
        paths.token,
        {
          'content-type': 'application/x-www-form-urlencoded',
          dpop: await key.proofFor('POST', `${origin}${paths.token}`),
        },
        form.toString(),
      ),
    );
    if (answer.status !== 200) throw await refusalOf(answer, origin);
    const session = exchanged.safeParse(await jsonOf(answer));
    if (!session.success) throw noConsole(origin);
    return new Secret(session.data.access_token);
  };
  let session = await exchange();
  /** Under way for everybody who finds at the same time that the session has ended. */
  let renewing: Promise<Secret> | undefined;
  const post = async (path: string, value: unknown, by: Secret) =>
    await patiently(signal, async () => askConsole(path, await shown(origin, path, by, key), JSON.stringify(value)));
  return {
    ask: async (path, value) => {
      const used = session;
      let reply = await post(path, value, used);
      if (reply.status === 401) {
        const refused = await refusalOf(reply, origin);
        if (refused instanceof ConsoleRefusal && refused.requirement !== undefined) throw refused;
        // A run may last longer than the session that it began in; what proves the person is still good, or is refused here.
        renewing ??= session === used ? exchange() : undefined;
        session = (await renewing?.finally(() => (renewing = undefined))) ?? session;
        reply = await post(path, value, session);
      }
      if (reply.status === 200 || reply.status === 204) return reply;
      const refusal = await refusalOf(reply, origin);
      // It answers as a console does, and has no such place.
      if (reply.status === 404 && refusal instanceof ConsoleRefusal) throw notThere(origin);
      throw refusal;
    },
  };
}

async function shown(origin: string, path: string, token: Secret, key: ProofKey): Promise<Record<string, string>> {
  return {
    'content-type': 'application/json',
    authorization: `DPoP ${token.reveal()}`,
    dpop: await key.proofFor('POST', `${origin}${path}`, token.reveal()),
  };
}

/** What an answer without success says; whatever stands between may have said something else. */
async function refusalOf(reply: ConsoleAnswer, origin: string): Promise<AppError> {
  const body = errorBody.safeParse(await jsonOf(reply));
  if (body.success) return new ConsoleRefusal(body.data.error);
  return new AppError('console_refused', `${quote(origin)} answered ${reply.status}, and not as a console does`);
}

/** What answers there is no console that this version can talk to. */
export function noConsole(origin: string): AppError {
  return new AppError('console_refused', `what ${quote(origin)} says is not what this version understands`, {
    hint: 'is it a console, and is this command of the same version? --version',
  });
}

/** A console of another version, which does not do what is asked for. */
function notThere(origin: string): AppError {
  return new AppError('console_refused', `the console ${quote(origin)} does not know this command`, {
    hint: 'it is of another version than this command (--version): ask whoever runs it',
  });
}

async function jsonOf(reply: ConsoleAnswer): Promise<unknown> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of reply.pieces()) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > longestLine) return undefined;
  }
  try {
    return z.unknown().parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
