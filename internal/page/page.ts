/** The page of buttons of one person, from the bound socket to its end. */

import { deferred } from '../async/deferred.ts';
import { clock } from '../clock/clock.ts';
import { AppError } from '../errors/app-error.ts';
import { contestedError } from '../oauth/start.ts';
import { listenForPage } from '../outside/page-listener.ts';
import { pageApp } from './app.ts';
import type { Stage } from './flow.ts';
import { watchTabs } from './open-tabs.ts';
import { type ActListener, openController, type PersonRun, type ServicesController } from './services-controller.ts';
import { openSessions, unguessable } from './sessions.ts';

/** A bound page. Browsers may come before it is known who is in front of them; they wait. */
export interface ButtonPage {
  /** An address that lets one browser in, once. */
  invitation(): URL;
  /** Where the page is, without anything secret. */
  origin: string;
  /** Whether this machine says whose a connection is. */
  namesPeers: boolean;
  /** An invitation is an argument of a program, which every account of the machine can read. */
  invitedPublicly(): void;
  /** Settles when a browser was let in. */
  entered: Promise<void>;
  /**
   * Opens the page for a person. What it returns waits until they are gone or finished, and throws `timed_out` where
   * nobody ever came.
   */
  serve(run: PersonRun, listener: ActListener): () => Promise<void>;
  /** Tells a browser that waits that nobody was signed in. */
  refuse(): void;
  close(): Promise<void>;
}

/** How long a browser gets to read the last page. */
const lastPageMs = 300;
/** How long those who take part in a contested page can learn of it. */
const contestedMs = 2_000;

/** Whether somebody has a good reason to be in no tab of the page: they are at a service, or on the way there and back. */
function isElsewhere(stage: Stage | undefined): boolean {
  return stage !== undefined && stage.kind !== 'at the terminal' && stage.kind !== 'asking';
}

/** Binds the socket. Nothing is served to anybody without an invitation. */
export async function openPage(signal: AbortSignal): Promise<ButtonPage> {
  const listener = await listenForPage();
  // Cookies of a host go to all its ports: with a path of its own, no other server on this machine is sent this one.
  const path = `/${unguessable().slice(0, 22)}/`;
  const sessions = openSessions<Promise<ServicesController>>();
  let opened: ServicesController | undefined;
  const admitted = deferred<ServicesController>();
  admitted.promise.catch(() => {});
  const end = deferred();
  const broken = deferred<never>();
  broken.promise.catch(() => {});
  const tabs = watchTabs({
    timeoutMs: () => opened?.run.visit.timeoutMs ?? Number.POSITIVE_INFINITY,
    away: () => opened === undefined || isElsewhere(opened.flow()?.stage()),
  });
  let isPublic = false;
  /** How many browsers have to learn that the page, or a sign-in at it, was contested. */
  let toTell = 0;
  let isContested = false;
  const allTold = deferred();
  const contest = (howMany: number) => {
    isContested = true;
    toTell = howMany;
  };
  listener.serve(
    pageApp({
      origin: listener.origin,
      path,
      sessions,
      tabs,
      isPublic: () => isPublic,
      isContested: () => isContested,
      contested(who) {
        contest(2);
        broken.reject(contestedError('the page', who));
      },
      told() {
        toTell -= 1;
        if (toTell === 0) allTold.resolve();
      },
      broken: broken.reject,
      end: end.resolve,
    }),
  );

  const untilEnd = async (controller: ServicesController) => {
    const interrupted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    let busy = false;
    let outcome: { everSeen: boolean } | undefined;
    try {
      outcome =
        (await Promise.race([tabs.gone, end.promise, interrupted, broken.promise, controller.broken])) ?? undefined;
    } finally {
      busy = controller.isBusy();
      await controller.stop();
    }
    if (busy && signal.aborted) throw new AppError('interrupted', 'interrupted in the middle of an act');
    if (outcome?.everSeen === false) {
      const seconds = Math.round(controller.run.visit.timeoutMs / 1000);
      throw new AppError('timed_out', `nobody opened the page within ${seconds} s`);
    }
  };

  return {
    origin: `${listener.origin}${path}`,
    namesPeers: listener.namesPeers,
    invitedPublicly() {
      isPublic = true;
    },
    entered: tabs.arrived,
    invitation: () => new URL(`${path}enter?once=${sessions.invite(admitted.promise)}`, listener.origin),
    refuse: () => admitted.reject(new AppError('identity_refused', 'nobody was signed in')),
    serve(run, listener) {
      const controller = openController(run, listener);
      opened = controller;
      // Of a sign-in at a service the browser there is told by its own listener.
      controller.broken.catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'sign_in_contested') contest(1);
      });
      admitted.resolve(controller);
      return () => untilEnd(controller);
    },
    async close() {
      tabs.close();
      // What was answered just now is still on its way.
      if (isContested) await Promise.race([allTold.promise, clock.pause(contestedMs)]);
      await clock.pause(lastPageMs);
      listener.close();
    },
  };
}
