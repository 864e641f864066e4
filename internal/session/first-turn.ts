/**
 * A new session and the turn of its first message. Where the answer to the message was lost and the message is not seen, the
 * session is archived: the platform takes nothing for an archived session and archives none that runs, so whether the
 * message arrived is then certain. If it did not, a new session gets it; it is never sent twice to one that may have it.
 */
import { AppError } from '../errors/app-error.ts';
import { type Platform, PlatformError } from '../platform/client.ts';
import { quote } from '../text/quote.ts';
import { readEarlierMessages } from './deliver.ts';
import { readStatus } from './follow.ts';
import { runTurn, type TurnRequest, type TurnResult } from './turn.ts';

/** What a first turn is made from. */
export interface FirstTurnRequest<Session extends { id: string }> extends Omit<TurnRequest, 'sessionId' | 'fresh'> {
  message: string;
  /** Creates a session, another one each time. */
  start(): Promise<Session>;
  /** What else is done for a session that was created, beside its turn. Does not throw. */
  beside?(session: Session): Promise<void>;
}

/** The session that has the message, and its turn. */
export interface FirstTurn<Session> {
  session: Session;
  turn: TurnResult;
}

/** Starts a session, sends it the message and follows its turn. Throws as `start` and {@link runTurn} do. */
export async function runFirstTurn<Session extends { id: string }>(
  request: FirstTurnRequest<Session>,
): Promise<FirstTurn<Session>> {
  const first = await startAndSend(request);
  if (first.turn.end.kind !== 'unseen') return first;
  const arrived = await settleArrival(request, first.session.id);
  if (arrived === 'unsure') return first;
  if (arrived === 'yes') {
    const turn = await runTurn({ ...request, message: undefined, sessionId: first.session.id });
    return { ...first, turn };
  }
  request.told.warn(
    `the message was lost on its way to ${quote(first.session.id)}, which was archived: once more, in a new session`,
  );
  const second = await startAndSend(request);
  if (second.turn.end.kind !== 'unseen' || (await settleArrival(request, second.session.id)) !== 'no') return second;
  throw new AppError('platform_unreachable', 'the message was lost on its way, twice; both sessions were archived', {
    hint: 'nothing was done: check the network, then run the command again',
    cause: second.turn.end.error,
  });
}

async function startAndSend<Session extends { id: string }>(
  request: FirstTurnRequest<Session>,
): Promise<FirstTurn<Session>> {
  const session = await request.start();
  const { platform, told } = request;
  const [turn] = await Promise.all([
    runTurn({ ...request, sessionId: session.id, fresh: true }).catch(async (error: unknown) => {
      // Nothing was sent: the session would be left behind, and every further try would leave another one.
      if (!(error instanceof PlatformError)) throw error;
      const archived = await archive(platform, session.id).catch(() => true);
      told.warn(`nothing was sent to the session ${quote(session.id)}, which was ${archived ? 'NOT ' : ''}archived`);
      throw error;
    }),
    request.beside?.(session),
  ]);
  return { session, turn };
}

/** Archives a session that nobody else knows, and tells from what it was then whether the message had arrived. */
async function settleArrival(
  { platform, signal }: Pick<TurnRequest, 'platform' | 'signal'>,
  sessionId: string,
): Promise<'yes' | 'no' | 'unsure'> {
  const asked = { platform, sessionId, signal };
  try {
    const refused = await archive(platform, sessionId);
    const status = await readStatus(asked);
    if (refused && status === 'running') return 'yes';
    if (status !== 'archived') return 'unsure';
    const { ids } = await readEarlierMessages(asked);
    return ids.size > 0 ? 'yes' : 'no';
  } catch (error) {
    if (error instanceof AppError) return 'unsure';
    throw error;
  }
}

/** Whether the archive was refused. A lost answer is settled by looking. */
async function archive(platform: Platform, id: string): Promise<boolean> {
  try {
    await platform.sessions.archive(id);
    return false;
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    return error.outcome === 'refused';
  }
}
