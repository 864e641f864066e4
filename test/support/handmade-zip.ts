/** Zip files put together field by field, so that a test can make each of them lie. */
import { crc32, deflateRawSync } from 'node:zlib';

/** What both headers of an entry say; what is left out is true. */
interface Header {
  name: string | Uint8Array;
  flags: number;
  method: number;
  crc: number;
  packedSize: number;
  size: number;
  extra: Uint8Array;
}

/** One entry of an archive made by hand. */
export interface HandmadeEntry {
  name: string | Uint8Array;
  content?: string | Uint8Array;
  /** 8 (deflated) unless told. */
  method?: number;
  /** Unix mode in the upper half, attributes of DOS in the lower. */
  attributes?: number;
  /** What both headers say instead of the truth. */
  says?: Partial<Header>;
  /** What only the header before the data says. */
  locally?: Partial<Header>;
  /** Where the directory says that the entry begins, instead of where it does. */
  offset?: number;
  /** The packed bytes, instead of those of the content. */
  packed?: Uint8Array;
  /** What follows the data. */
  after?: Uint8Array;
}

/** What the end of an archive made by hand says. */
interface HandmadeEnd {
  count?: number;
  directorySize?: number;
  directoryOffset?: number;
  disk?: number;
  comment?: Uint8Array;
}

const bytesOf = (text: string | Uint8Array): Uint8Array => (typeof text === 'string' ? Buffer.from(text) : text);

/** Puts an archive together. */
export function handmadeZip(entries: readonly HandmadeEntry[], end: HandmadeEnd = {}): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, content = '', method = 8, attributes = 0, says, locally, offset, packed, after } of entries) {
    const bytes = bytesOf(content);
    const data = packed ?? (method === 8 ? deflateRawSync(bytes) : bytes);
    const header: Header = {
      name,
      flags: 0x800,
      method,
      crc: crc32(bytes),
      packedSize: data.length,
      size: bytes.length,
      extra: new Uint8Array(),
      ...says,
    };
    const local = Buffer.concat([localHeader({ ...header, ...locally }), data, after ?? new Uint8Array()]);
    parts.push(local);
    directory.push(directoryRecord(header, attributes, offset ?? at));
    at += local.length;
  }
  const whole = Buffer.concat(directory);
  const { count = entries.length, directorySize = whole.length, directoryOffset = at, disk = 0, comment } = end;
  const last = Buffer.alloc(22);
  last.writeUInt32LE(0x06054b50, 0);
  last.writeUInt16LE(disk, 4);
  last.writeUInt16LE(count, 8);
  last.writeUInt16LE(count, 10);
  last.writeUInt32LE(directorySize, 12);
  last.writeUInt32LE(directoryOffset, 16);
  last.writeUInt16LE(comment?.length ?? 0, 20);
  return new Uint8Array(Buffer.concat([...parts, whole, last, comment ?? new Uint8Array()]));
}

function localHeader(header: Header): Uint8Array {
  const fixed = Buffer.alloc(30);
  fixed.writeUInt32LE(0x04034b50, 0);
  fixed.writeUInt16LE(20, 4);
  return withShared(fixed, 6, header);
}

function directoryRecord(header: Header, attributes: number, offset: number): Uint8Array {
  const fixed = Buffer.alloc(46);
  fixed.writeUInt32LE(0x02014b50, 0);
  fixed.writeUInt16LE((3 << 8) | 20, 4); // made on Unix
  fixed.writeUInt16LE(20, 6);
  fixed.writeUInt32LE(attributes >>> 0, 38);
  fixed.writeUInt32LE(offset, 42);
  return withShared(fixed, 8, header);
}

/** The fields that both headers have, from `flags` on in the same order. */
function withShared(fixed: Buffer, at: number, header: Header): Uint8Array {
  const name = bytesOf(header.name);
  fixed.writeUInt16LE(header.flags, at);
  fixed.writeUInt16LE(header.method, at + 2);
  fixed.writeUInt32LE(header.crc, at + 8);
  fixed.writeUInt32LE(header.packedSize, at + 12);
  fixed.writeUInt32LE(header.size, at + 16);
  fixed.writeUInt16LE(name.length, at + 20);
  fixed.writeUInt16LE(header.extra.length, at + 22);
  return Buffer.concat([fixed, name, header.extra]);
}
