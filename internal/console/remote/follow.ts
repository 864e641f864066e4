/** Follows a run at the console, line by line: says here what it says, asks here what it asks, and has its result. */
import { AppError } from '../../errors/app-error.ts';
import { awaitAnswer } from '../../oauth/answer.ts';
import type { BrowserVisit } from '../../oauth/browser-visit.ts';
import type { ConsoleAnswer } from '../../outside/console-client.ts';
import { checkedUrl } from '../../outside/http.ts';
import { type LoopbackListener, listenOnLoopback } from '../../outside/loopback.ts';
import type { ProgressEvent } from '../../run/event-table.ts';
import type { Ports, Waiting } from '../../run/ports.ts';
import { unmoving } from '../../text/quote.ts';
import { isUrl } from '../../text/url.ts';
import {
  type AnswerBody,
  base,
  kinds,
  longestEntered,
  longestLine,
  type Said,
  said,
  unknownLine,
} from '../protocol.ts';
import type { Reachable } from '../reach.ts';
import { type ConsoleConnection, ConsoleRefusal, noConsole } from './connection.ts';
import { withoutUnknown } from './without-unknown.ts';

/** What is followed. */
export interface Followed {
  answer: ConsoleAnswer;
  connection: ConsoleConnection;
  useCase: Reachable;
  origin: string;
  /** The browser of this machine. */
  visit: BrowserVisit;
  /** What was warned of already. */
  warned: ReadonlySet<string>;
}

type SaidOf<Kind extends Said['kind']> = Extract<Said, { kind: Kind }>;

/** The result. What the run does after it is followed once the result was handed over. Throws what ended the run. */
export async function follow(ports: Ports, followed: Followed): Promise<unknown> {
  const { answer, origin } = followed;
  const lines = linesOf(answer, origin)[Symbol.asyncIterator]();
  const here = personHere(ports, followed);
  const interrupt = () => here.interrupt();
  ports.signal.addEventListener('abort', interrupt, { once: true });
  const end = async () => {
    ports.signal.removeEventListener('abort', interrupt);
    await here.end();
    await lines.return?.(undefined);
  };
  const upTo = async (last: 'result' | 'end'): Promise<Said> => {
    for (;;) {
      const next = await lines.next();
      if (next.done === true) throw new AppError('console_unreachable', 'the console broke off in the middle of a run');
      const line = next.value;
      if (line.kind === 'error') throw here.failure() ?? new ConsoleRefusal(line.error);
      if (line.kind === last) return line;
      // It may have interrupted itself between the two.
      if (line.kind === 'end' || line.kind === 'result') throw noConsole(origin);
      here.take(line);
    }
  };
  try {
    const { result } = (await upTo('result')) as SaidOf<'result'>;
    const { result: definition } = await followed.useCase.values();
    const judged = withoutUnknown(definition, result);
    if (judged?.success !== true) throw noConsole(origin);
    ports.afterwards(async () => {
      try {
        await upTo('end');
      } finally {
        await end();
      }
    });
    return judged.data;
  } catch (error) {
    await end();
    if (!(error instanceof AppError) || error.code !== 'console_unreachable') throw error;
    // It was left because it could not be told what happened here.
    const interrupted = ports.signal.aborted ? new AppError('interrupted', 'interrupted') : undefined;
    throw here.failure() ?? interrupted ?? error;
  }
}

async function* linesOf(answer: ConsoleAnswer, origin: string): AsyncGenerator<Said, void> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of answer.pieces()) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > longestLine) throw noConsole(origin);
    const whole = text.split('\n');
    text = whole.pop() ?? '';
    for (const each of whole) {
      const line = lineOf(each, origin);
      if (line !== undefined) yield line;
    }
  }
}

/** Undefined for what a later version says beside what this one knows. */
function lineOf(text: string, origin: string): Said | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw noConsole(origin);
  }
  const judged = said.safeParse(value);
  if (judged.success) return judged.data;
  const other = unknownLine.safeParse(value);
  if (other.success && !kinds.has(other.data.kind)) return undefined;
  throw noConsole(origin);
}

/** The person, and what is theirs: terminal and browser. */
interface PersonHere {
  take(line: Said): void;
  /** Ctrl-C: the run brings to an end what it began, and says so. */
  interrupt(): void;
  /** What went wrong here, which the other side knows as an interruption. */
  failure(): AppError | undefined;
  end(): Promise<void>;
}

function personHere(ports: Ports, { connection, visit, origin, warned, answer: { leave } }: Followed): PersonHere {
  const { tell } = ports;
  const waits = new Map<number, Waiting>();
  const codes = new Map<number, { done(): void }>();
  const listeners = new Map<number, { listener: LoopbackListener; path: string }>();
  const questions = new Map<number, AbortController>();
  const under = new Set<Promise<void>>();
  const finishing = new Set<Promise<void>>();
  let run: string | undefined;
  let failed: AppError | undefined;

  const send = async (id: number, answer: AnswerBody) => {
    await connection.ask(`${base}/runs/${run}/answers/${id}`, answer).catch((error: unknown) => {
      // Nothing is asked there any more: the run went on or has ended, and says so itself. Else it would wait for ever.
      if (!(error instanceof ConsoleRefusal) || error.code !== 'usage') throw error;
    });
  };
  const interruptRun = () => {
    // Where it cannot be told, it notices that nobody reads any more.
    connection.ask(`${base}/runs/${run}/interrupt`, {}).catch(() => leave());
  };
  /** Asks here, and sends what comes of it. */
  const ask = (id: number, asking: (signal: AbortSignal) => Promise<AnswerBody>, isVisit = false) => {
    const over = new AbortController();
    questions.set(id, over);
    const asked = asking(over.signal)
      .catch((error: unknown): AnswerBody => {
        if (!(error instanceof AppError)) throw error;
        const code = passedOn(error);
        // The other side cannot say it, or knows a visit that failed as an interruption alone.
        if (!over.signal.aborted && (code !== error.code || isVisit)) failed ??= error;
        const hint = error.hint === undefined ? {} : { hint: error.hint.slice(0, 1024) };
        return { failed: { code, message: error.message.slice(0, 1024), ...hint } };
      })
      .then(async (answer) => {
        if (!over.signal.aborted) await send(id, answer);
      })
      .catch((error: unknown) => {
        failed ??=
          error instanceof AppError ? error : new AppError('bug', 'this is a bug in the tool', { cause: error });
        interruptRun();
      })
      .finally(() => {
        questions.delete(id);
        under.delete(asked);
      });
    under.add(asked);
  };
  const asker = () => {
    if (ports.ask === undefined) throw new AppError('sign_in_needed', 'nobody is here to be asked');
    return ports.ask;
  };

  const visitBrowser = async (line: SaidOf<'visit'>, over: AbortSignal): Promise<AnswerBody> => {
    const at = listeners.get(line.listener);
    if (at === undefined) throw noConsole(origin);
    const { listener, path } = at;
    // What a service may not have this machine open, a console may not either.
    const authorization = checkedUrl(line.authorization, visit.allowLoopbackHttp);
    const { signal, timeoutMs, warn } = visit;
    let brought: string | undefined;
    const wait = awaitAnswer(
      {
        server: {
          issuer: line.issuer,
          authorization_response_iss_parameter_supported: line.issuerInResponse,
          authorization_endpoint: `${authorization.origin}${authorization.pathname}`,
        },
        path,
        listener: {
          ...listener,
          serve: (judge) =>
            listener.serve((request, peer) => {
              const reply = judge(request, peer);
              // What ends the wait, good or bad, is judged once more where the state was made.
              if (reply.kind === 'captured') brought = `http://${listener.authority}${request.url ?? ''}`;
              return reply;
            }),
        },
        signal: AbortSignal.any([signal, over]),
        timeoutMs,
        warn,
      },
      authorization.searchParams.get('state') ?? '',
      authorization,
    );
    wait.answer.catch(() => {});
    const { redirectUri, namesPeers } = listener;
    const shown = await ports.browser(line.command).show(
      {
        start: wait.start(),
        anotherStart: wait.start,
        authorization,
        redirectUri,
        namesPeers,
        server: { issuer: line.issuer, authorization_response_iss_parameter_supported: line.issuerInResponse },
      },
      line.purpose,
    );
    wait.shown({ isPublic: shown.startIsPublic, canPaste: shown.prompt !== undefined });
    const prompt = shown.prompt?.({
      enter(text) {
        const why = wait.enter(text);
        if (why === undefined) brought ??= text.trim();
        return why;
      },
      interrupt: wait.interrupt,
    });
    try {
      await wait.answer;
    } catch (error) {
      if (brought === undefined) throw error;
    } finally {
      prompt?.close();
      shown.done();
    }
    return { address: brought ?? '' };
  };

  const take = (line: Said): void => {
    switch (line.kind) {
      case 'run':
        run = line.id;
        if (line.version !== ports.version) {
          tell.warn(`the console is version ${line.version}, and this command ${ports.version}`);
        }
        return;
      case 'note':
        tell.note(line.text);
        return;
      case 'detail':
        tell.detail(line.text);
        return;
      case 'warn':
        if (!warned.has(line.text)) tell.warn(line.text, line.event as ProgressEvent | undefined);
        return;
      case 'event':
        tell.event(line.event as ProgressEvent);
        return;
      case 'stream':
        ports.stream(unmoving(line.text));
        return;
      case 'wait':
        waits.set(line.id, tell.wait(line.text));
        return;
      case 'waiting':
        waits.get(line.id)?.at(line.done, line.all, line.text);
        return;
      case 'waited':
        waits.get(line.id)?.done(line.text);
        waits.delete(line.id);
        return;
      case 'yes':
        ask(line.id, async () => ({ yes: await asker().yes(line.text, line.timeoutMs) }));
        return;
      case 'line':
        ask(line.id, async () => ({ line: await asker().line(line.text, line.timeoutMs) }));
        return;
      case 'needed':
        ask(line.id, async (over) => ({ line: await asker().needed(line.text, line.timeoutMs, over) }));
        return;
      case 'unseen':
        ask(line.id, async (over) => ({ line: await asker().unseen(line.text, line.timeoutMs, over) }));
        return;
      case 'entered':
        ask(line.id, async () => {
          const entered = await ports.entered({ what: line.what, command: line.command });
          // No secret is longer: what is cut off is judged as too long all the same.
          return { line: entered.slice(0, longestEntered) };
        });
        return;
      case 'listen':
        ask(line.id, async () => {
          // The one before may have been on this very port, and is about to have said its last words.
          await Promise.all(finishing);
          const listener = await listenOnLoopback(line.place);
          listeners.set(line.id, { listener, path: line.place.path });
          return { port: Number(new URL(listener.redirectUri).port) };
        });
        return;
      case 'visit':
        ask(line.id, async (over) => await visitBrowser(line, over), true);
        return;
      case 'code': {
        if (!isUrl(line.address)) throw noConsole(origin);
        const shown = ports.browser(line.command).showCode?.(new URL(line.address), line.code, line.purpose);
        if (shown !== undefined) codes.set(line.id, shown);
        return;
      }
      case 'over':
        questions.get(line.id)?.abort();
        codes.get(line.id)?.done();
        codes.delete(line.id);
        return;
      case 'finish': {
        const at = listeners.get(line.listener);
        listeners.delete(line.listener);
        if (at === undefined) return;
        if (line.outcome === undefined) {
          at.listener.close();
          return;
        }
        const finished = at.listener.finish(line.outcome).finally(() => finishing.delete(finished));
        finishing.add(finished);
        return;
      }
      default:
    }
  };

  return {
    take,
    interrupt() {
      for (const question of questions.values()) question.abort();
      interruptRun();
    },
    failure: () => failed,
    async end() {
      for (const waiting of waits.values()) waiting.done();
      for (const code of codes.values()) code.done();
      for (const question of questions.values()) question.abort();
      await Promise.all([...under, ...finishing]);
      for (const { listener } of listeners.values()) listener.close();
    },
  };
}

/** How the other side is told what went wrong here. */
function passedOn({ code }: AppError): Extract<AnswerBody, { failed: unknown }>['failed']['code'] {
  switch (code) {
    case 'timed_out':
    case 'client_needed':
    case 'sign_in_needed':
    case 'port_taken':
      return code;
    default:
      return 'interrupted';
  }
}
