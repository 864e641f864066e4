import type { ServerResponse } from 'node:http';

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

/** An answer that stays open; `open` writes to it until either side closes. */
export class StreamAnswer {
  readonly open: (response: ServerResponse) => void;

  constructor(open: (response: ServerResponse) => void) {
    this.open = open;
  }
}

/** What a handler returns: a file, a stream, or anything else as JSON. */
export type Answer = FileAnswer | StreamAnswer | object;
