/** Whether anybody is still in front of the page. An open tab holds a connection; where it cannot, its visits count. */

import { deferred } from '../async/deferred.ts';
import { clock } from '../clock/clock.ts';

/** How long a tab may be gone before the page ends: a reload, or a laptop that wakes up, takes a moment. */
const graceMs = 60_000;
const lookEveryMs = 500;

/** What is known of the tabs. */
export interface OpenTabs {
  /** Somebody asked for something. */
  seen(): void;
  /** A tab is there until the answer to it is closed. */
  holdOpen(): ReadableStream<Uint8Array>;
  /** Settles at the first {@link OpenTabs.seen}. */
  arrived: Promise<void>;
  /** Settles when nobody has been there for a while: whether anybody ever was. */
  gone: Promise<{ everSeen: boolean }>;
  /** Ends every held connection and stops looking. */
  close(): void;
}

/** How long to wait for whom. */
export interface TabsSetting {
  /** For a first visit, and for the next one of a browser that runs no script. */
  timeoutMs(): number;
  /** True while the person is elsewhere with a good reason, such as at a service. */
  away(): boolean;
}

/** Begins to watch. */
export function watchTabs(setting: TabsSetting): OpenTabs {
  const tabs = new Set<ReadableStreamDefaultController<Uint8Array>>();
  let last = clock.monotonic();
  let everSeen = false;
  let everHeld = false;
  const { promise: arrived, resolve: arrive } = deferred();
  const { promise: gone, resolve: settle } = deferred<{ everSeen: boolean }>();
  const look = () => {
    if (tabs.size > 0 || setting.away()) last = clock.monotonic();
    if (clock.monotonic() - last < (everHeld ? graceMs : setting.timeoutMs())) {
      stopLooking = clock.after(lookEveryMs, look);
      return;
    }
    settle({ everSeen });
  };
  let stopLooking = clock.after(lookEveryMs, look);
  return {
    seen() {
      everSeen = true;
      last = clock.monotonic();
      arrive();
    },
    holdOpen() {
      let held: ReadableStreamDefaultController<Uint8Array> | undefined;
      return new ReadableStream({
        start(tab) {
          held = tab;
          everHeld = true;
          tabs.add(tab);
          // A comment of the event stream format: the browser takes the connection as open.
          tab.enqueue(new TextEncoder().encode('retry: 1000\n: here\n\n'));
        },
        cancel() {
          if (held !== undefined) tabs.delete(held);
          last = clock.monotonic();
        },
      });
    },
    arrived,
    gone,
    close() {
      stopLooking();
      for (const tab of tabs) tab.close();
      tabs.clear();
    },
  };
}
