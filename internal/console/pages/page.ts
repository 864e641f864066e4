/**
 * What a page of the console is: a row of the table of pages, and a function from what is asked to what is shown. A page
 * reaches nothing by itself: what it shows and does are use-cases, performed for whoever asks as the interface performs them,
 * by the same roles.
 */
import * as z from 'zod/mini';
import type { Configuration } from '../../config/definitions.ts';
import { AppError } from '../../errors/app-error.ts';
import type { Principal } from '../../identity/principal.ts';
import type { Markup } from '../../markup/document.ts';
import type { Buttons } from '../../page/services-page.ts';
import type { Ports } from '../../run/ports.ts';
import type { Role } from '../../run/use-cases.ts';
import type { AnswerBody, Asking } from '../protocol.ts';
import type { Run } from '../run.ts';
import type { Performed } from '../said.ts';
import type { Flow } from './flows.ts';
import type { Latest } from './lately.ts';

/** The use-cases that pages perform: to add those of another file, name it here. */
type Uses = Pick<typeof import('../../run/use-cases/connections.ts'), 'listConnections' | 'disconnect'> &
  Pick<typeof import('../../run/use-cases/connect.ts'), 'connect'> &
  Pick<typeof import('../../run/use-cases/sessions.ts'), 'listSessions' | 'stopSession' | 'attachSession'> &
  Pick<typeof import('../../run/use-cases/show-session.ts'), 'showSession'> &
  Pick<typeof import('../../run/use-cases/start-session.ts'), 'startSession'> &
  Pick<typeof import('../../run/use-cases/talk.ts'), 'sendMessage' | 'answerCall'> &
  Pick<typeof import('../../run/use-cases/approvals.ts'), 'listApprovals'> &
  Pick<typeof import('../../run/use-cases/draft-agent.ts'), 'listUsableAgents' | 'listAgentChoices' | 'draftAgent'> &
  Pick<typeof import('../../run/use-cases/explain.ts'), 'explainVerdicts'> &
  Pick<typeof import('../../run/use-cases/catalogue.ts'), 'showCatalogue' | 'listWaitingTools' | 'tickToolSheet'> &
  Pick<typeof import('../../run/use-cases/record.ts'), 'showOwnRecord' | 'showRecord' | 'verifyRecord'> &
  Pick<typeof import('../../run/use-cases/copy-record.ts'), 'copyRecord'> &
  Pick<typeof import('../../run/use-cases/people.ts'), 'listPeople'> &
  Pick<typeof import('../../run/use-cases/offboard.ts'), 'offboardPerson'>;
/** The name of a use-case that pages perform. */
export type UseCaseName = keyof Uses;
/** Its request and its result. */
export type RequestOf<Name extends UseCaseName> = Uses[Name] extends (request: infer Request, ports: Ports) => unknown
  ? Request
  : never;
export type ResultOf<Name extends UseCaseName> = Awaited<ReturnType<Uses[Name]>>;

/** What a page is asked, and what it does something with. */
export interface Asked {
  /** Who asks, and what they are here. */
  principal: Principal;
  roles: ReadonlySet<Role>;
  /** What counts now. Much of it is not for everybody: a page shows what a use-case says. */
  configuration: Configuration;
  /** The parts that the path names: of `/sessions/:session` the `session`. */
  parts: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** What the form says, each name once; empty where nothing was sent. */
  form: ReadonlyMap<string, string>;
  /** Forms of this browser, for what is shown. */
  buttons: Buttons;
  /** Whether the roles of whoever asks let them perform it, for buttons that are worth showing. */
  may(name: UseCaseName): boolean;
  /**
   * Performs a use-case to its end; nobody is asked anything meanwhile. Throws the error that it ends with, and `not_allowed`.
   */
  perform<Name extends UseCaseName>(
    name: Name,
    request: RequestOf<Name>,
    how?: { isLook?: boolean },
  ): Promise<Performed<ResultOf<Name>>>;
  /** Begins one that goes on after this answer, and whose lines are whoever begins it to read. */
  begin<Name extends UseCaseName>(
    name: Name,
    request: RequestOf<Name>,
    how?: Partial<Pick<Asking, 'interactive'>> & { isLook?: boolean },
  ): Promise<{ id: string; run: Run }>;
  /** Runs that go on over several pages, in which the person can be asked and sent elsewhere. */
  flows: {
    begin<Name extends UseCaseName>(name: Name, request: RequestOf<Name>, about: string): Promise<Flow>;
    /** One of whoever asks, wherever it is; undefined where no replica knows it. */
    find(id: string): Promise<Flow | undefined>;
    /** False where that is not asked any more. */
    answer(id: string, question: number, body: AnswerBody): Promise<boolean>;
    /** As Ctrl-C ends it. */
    end(id: string): Promise<boolean>;
  };
  /** What was found out of late, whoever asked. */
  lately: FoundLately;
  /** Throws where this browser is not signed in any more: what goes on after its answer asks now and then. */
  requireStill(): Promise<void>;
}

/** What pages show with its time. */
export interface FoundLately {
  /** What a connection is worth, by the id of its credential. */
  health: Latest<Pick<ResultOf<'listConnections'>['services'][number], 'status' | 'reason'>>;
  /** Pages of the list of people, by what was looked for. */
  people: Latest<ResultOf<'listPeople'>>;
}

/** How something ended, as the next page says it. */
export const said = z.strictObject({
  look: z.enum(['ok', 'warn', 'bad', 'plain']),
  title: z.string(),
  lines: z.optional(z.array(z.string())),
});
export type Said = Readonly<Omit<z.output<typeof said>, 'lines'>> & { readonly lines?: readonly string[] | undefined };

/** What a browser keeps that is at a service: which run waits for it, for the answer to which question, and what is said then. */
export const away = z.strictObject({ run: z.string(), question: z.number(), back: z.string() });

/** A way to a service, and back. */
export interface Away extends z.output<typeof away> {
  to: URL;
  /** What is there. */
  title: string;
}

/** A page is asked for something that is not there, or not for whoever asks (404). */
export class NothingThere extends AppError {
  constructor(message: string) {
    super('usage', message);
  }
}

/** What a page answers with: something to see, another page to go to (303), or something a script of ours asked for. */
export type PageAnswer =
  | {
      title: string;
      body: Markup;
      /** Without a script the page is loaded again after so many seconds. */
      refreshSeconds?: number;
      status?: 404 | 409;
    }
  | { to: string; said?: Said }
  | { away: Away }
  /** `over`: a stream has ended, or its reader has gone. */
  | { raw: Response; over?: AbortSignal };

/** Who may see a page: everybody who is signed in, or whoever has one of these roles. */
export type Audience = 'proven' | readonly Role[];

/** One row of the table. */
export interface PageRoute {
  /** A GET changes nothing; a POST is a form of ours, and a form acts once. `stream` is a GET by our script. */
  method: 'GET' | 'POST' | 'stream';
  /** As the router has it: `:session` stands for one part. */
  path: string;
  audience: Audience;
  /**
   * A form that only looks may be sent again, with other words: a download leaves its page, and the form in it, as they are.
   */
  changesNothing?: true;
  /** What the entry in the navigation is called; without one there is none. The table has the order. */
  inNavigation?: string;
  answer(asked: Asked): Promise<PageAnswer>;
}
