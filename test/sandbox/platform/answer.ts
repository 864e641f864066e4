/** An answer that is a file. */
export class FileAnswer {
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly fileName: string;

  constructor(bytes: Uint8Array, contentType: string, fileName: string) {
    this.bytes = bytes;
    this.contentType = contentType;
    this.fileName = fileName;
  }
}

/** What a stream is written to, a frame at a time. */
export interface StreamSink {
  write(frame: string): void;
  end(): void;
  on(event: 'close', listener: () => void): void;
}

/** An answer that stays open; `open` writes to it until either side closes. */
export class StreamAnswer {
  readonly open: (sink: StreamSink) => void;

  constructor(open: (sink: StreamSink) => void) {
    this.open = open;
  }
}

/** What a handler returns: a file, a stream, or anything else as JSON. */
export type Answer = FileAnswer | StreamAnswer | object;
