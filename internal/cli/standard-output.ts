// An import of the module would load all of it, streams and promises included, before the first word is printed.
const { fstatSync, writeSync } = process.getBuiltinModule('node:fs');

/** Node's stream, once something had to wait in it: what comes later stays behind that. */
let stream: NodeJS.WriteStream | undefined;
/** What came while the stream wrote, as one text: in the stream each piece would be kept for itself. */
let waiting: string | undefined;

/**
 * Standard output without a stream around it: opening Node's stream costs more than printing a help text, and what is
 * written at once is never pending when the process ends. A reader that left (`| head`) is no error of ours.
 */
export const standardOutput = {
  /** The width of a terminal; undefined for a pipe or a file, whose stream need not be opened to know. */
  get columns(): number | undefined {
    return fstatSync(1).isCharacterDevice() ? process.stdout.columns : undefined;
  },
  write(text: string): void {
    if (stream !== undefined) return void writeLater(stream, text);
    const bytes = Buffer.from(text);
    for (let written = 0; written < bytes.length; ) {
      try {
        written += writeSync(1, bytes, written);
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        // Nobody reads any more: a pipe, or a terminal that is gone.
        if (code === 'EPIPE' || code === 'EIO') return;
        // A pipe that is full and does not block: Node's stream knows how to wait for it.
        if (code !== 'EAGAIN') throw error;
        stream = process.stdout.on('error', () => {});
        return void writeLater(stream, bytes.subarray(written));
      }
    }
  },
};

function writeLater(to: NodeJS.WriteStream, piece: string | Uint8Array): void {
  if (waiting !== undefined) {
    waiting += String(piece);
    return;
  }
  waiting = '';
  to.write(piece, () => {
    const next = waiting;
    waiting = undefined;
    if (next !== undefined && next !== '') writeLater(to, next);
  });
}
