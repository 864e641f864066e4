/** A terminal that a test types at. */
import { PassThrough } from 'node:stream';

/** Keyboard and what became of its mode. */
export interface FakeTerminal {
  stdin: PassThrough & { isTTY: boolean; setRawMode(raw: boolean): unknown };
  /** Every change of the mode: `true` is without echo. */
  modes: boolean[];
  /** Types something; the next thing typed comes in a later turn. */
  type(text: string): Promise<void>;
}

/** A terminal in its usual mode. */
export function fakeTerminal(): FakeTerminal {
  const modes: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (raw: boolean) => modes.push(raw),
  });
  return {
    stdin,
    modes,
    async type(text) {
      stdin.write(text);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
