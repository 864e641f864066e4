/** A terminal that a test types at. */
import { PassThrough } from 'node:stream';

/** Keyboard and what became of its mode. */
export interface FakeTerminal {
  stdin: PassThrough & { isTTY: boolean; setRawMode(raw: boolean): unknown };
  /** Every change of the mode: `true` is without echo. */
  modes: boolean[];
  /** How many lines were taken off the screen. */
  cleared: number;
  /** Types something; the next thing typed comes in a later turn. What is typed once a question stands there is its answer. */
  type(text: string): Promise<void>;
  /** Waits until something is read unseen, the n-th time. */
  unseen(count: number): Promise<void>;
}

/** A terminal in its usual mode. */
export function fakeTerminal(): FakeTerminal {
  const modes: boolean[] = [];
  const waiting: (() => void)[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode(raw: boolean) {
      modes.push(raw);
      for (const look of waiting) look();
    },
  });
  return {
    stdin,
    modes,
    cleared: 0,
    async type(text) {
      stdin.write(text);
      await new Promise((resolve) => setImmediate(resolve));
    },
    unseen: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (modes.filter(Boolean).length >= count) resolve();
        };
        waiting.push(look);
        look();
      }),
  };
}

/** Does something when a question is heard for the first time. */
export function once(question: string, act: () => unknown): { hear(said: string): void } {
  let heard = false;
  return {
    hear(said) {
      if (heard || !said.includes(question)) return;
      heard = true;
      void act();
    },
  };
}
