/**
 * A list of tools as it comes: each tool is handed over as soon as it is whole and taken out of the answer, so that nobody
 * holds a list of megabytes as text, as what was parsed of it, and as what is kept of it at once. What is left of the
 * answer, JSON or a stream of events, is still one: everything else in it belongs to whoever speaks the protocol.
 */

/** What `tools` is a member of in an answer, and what is inside it. */
const path = ['result', 'tools'];

/** Where a scanner is in one JSON text. Only the keys on the way to the tools are known; the rest is counted. */
interface Place {
  depth: number;
  /** In a string; in one and behind a backslash. */
  quoted: boolean;
  escaped: boolean;
  /** The key that stands at depth 1 or 2, while it is read and until its value ends. */
  key: number[] | undefined;
  keys: (string | undefined)[];
  /** Whether the next string at this depth is a key: by depth, for the depths that matter. */
  expectsKey: boolean[];
  /** Inside the list of tools. */
  inside: boolean;
}

const [quote, backslash, comma, colon, openObject, closeObject, openList, closeList, newline, carriage] = [
  0x22, 0x5c, 0x2c, 0x3a, 0x7b, 0x7d, 0x5b, 0x5d, 0x0a, 0x0d,
];

/**
 * Takes the tools out of an answer. `take` gets each as text, which may be no JSON where the answer is none.
 *
 * @param events whether the answer is a stream of events, whose messages are in lines that begin with `data:`
 */
export async function* withoutTools(
  pieces: AsyncIterable<Uint8Array>,
  events: boolean,
  take: (text: string) => void,
): AsyncGenerator<Uint8Array> {
  let place = beginning();
  let tool = '';
  // What begins with the mark of byte order is no JSON, and is not made into some.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const line = { start: '', isData: !events, inPrefix: events, blank: true };
  for await (const piece of pieces) {
    // What is kept of this piece, as runs of bytes: of most pieces nothing is.
    const runs: Uint8Array[] = [];
    let [runFrom, runTo] = [0, 0];
    const keep = (index: number) => {
      if (runTo !== index) {
        if (runTo > runFrom) runs.push(piece.subarray(runFrom, runTo));
        runFrom = index;
      }
      runTo = index + 1;
    };
    let from = -1;
    const end = (to: number) => {
      if (from >= 0 && to > from) tool += decoder.decode(piece.subarray(from, to), { stream: true });
      from = -1;
    };
    const handOver = () => {
      const text = (tool + decoder.decode()).trim();
      tool = '';
      if (text !== '') take(text);
    };
    for (let index = 0; index < piece.length; index += 1) {
      const byte = piece[index] ?? 0;
      if (events && (byte === newline || byte === carriage)) {
        // Between two lines of data nothing of a tool can stand but white space, which is left out.
        end(index);
        if (line.blank && byte === newline) {
          place = beginning();
          tool = '';
          decoder.decode();
        }
        line.start = '';
        line.isData = false;
        line.inPrefix = true;
        if (byte === newline) line.blank = true;
        keep(index);
        continue;
      }
      if (line.inPrefix) {
        line.blank = false;
        line.start += String.fromCharCode(byte);
        if (byte === colon || line.start.length > 'data:'.length) {
          line.inPrefix = false;
          line.isData = line.start === 'data:';
        }
        keep(index);
        continue;
      }
      if (!line.isData) {
        keep(index);
        continue;
      }
      const was = place.inside;
      if (from >= 0 && place.quoted && !place.escaped) {
        // The middle of a text, which is most of a list: nothing happens before one of these.
        const start = index;
        while (index < piece.length && !endsText[piece[index] ?? 0]) index += 1;
        if (index > start) {
          index -= 1;
          continue;
        }
      }
      step(place, byte);
      if (was && place.inside) {
        const between = byte === comma && !place.quoted && place.depth === path.length + 1;
        if (!between && from < 0) from = index;
        if (!between) continue;
        end(index);
        handOver();
        continue;
      }
      if (was) {
        end(index);
        handOver();
      }
      keep(index);
    }
    end(piece.length);
    if (runTo > runFrom) runs.push(piece.subarray(runFrom, runTo));
    if (runs.length > 0) yield Buffer.concat(runs);
  }
}

/** By byte: whether it may end a text, or a line of an event. */
const endsText = Array.from({ length: 256 }, (_, byte) => [quote, backslash, newline, carriage].includes(byte));

function beginning(): Place {
  return {
    depth: 0,
    quoted: false,
    escaped: false,
    key: undefined,
    keys: [],
    expectsKey: [],
    inside: false,
  };
}

/** Longer keys are not those that are looked for. */
const longestKey = 16;

function step(place: Place, byte: number): void {
  if (place.quoted) {
    if (place.escaped) place.escaped = false;
    else if (byte === backslash) place.escaped = true;
    else if (byte === quote) {
      place.quoted = false;
      if (place.key !== undefined) place.keys[place.depth] = String.fromCharCode(...place.key);
      place.key = undefined;
      return;
    }
    if (place.key !== undefined && place.key.length < longestKey) place.key.push(byte);
    return;
  }
  const { depth } = place;
  switch (byte) {
    case quote:
      place.quoted = true;
      if (!place.inside && depth <= path.length && place.expectsKey[depth] === true) place.key = [];
      return;
    case colon:
      place.expectsKey[depth] = false;
      return;
    case comma:
      if (!place.inside && place.expectsKey[depth] === false) place.expectsKey[depth] = true;
      return;
    case openObject:
    case openList:
      place.depth += 1;
      if (place.inside) return;
      if (byte === openList) {
        const here = place.keys.slice(1, depth + 1);
        place.inside = depth === path.length && path.every((key, index) => here[index] === key);
      }
      place.keys[place.depth] = undefined;
      // In a list nothing is a key.
      place.expectsKey[place.depth] = byte === openObject ? true : (undefined as never);
      return;
    case closeObject:
    case closeList:
      place.depth -= 1;
      if (place.inside && place.depth === path.length) place.inside = false;
      return;
    default:
  }
}
