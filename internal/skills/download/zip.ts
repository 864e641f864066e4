/**
 * A zip file in memory to what it holds (APPNOTE.TXT, section 4.3), strictly: every byte of it belongs to one entry, to
 * the directory or to its end, and both descriptions of an entry agree. So no other program can find other files in it
 * than we do. What the archive of a skill never needs is refused: links, encryption, other packings, several disks.
 */
import { crc32, inflateRawSync } from 'node:zlib';
import { quote } from '../../text/quote.ts';

/** An archive that cannot be used: damaged, cut off, or made to mean something else to somebody else. */
export class ArchiveError extends Error {
  override readonly name: string = 'ArchiveError';
}

/** One entry: a file, or a folder, which is listed for its own sake. */
export interface ZipEntry {
  /** As it stands in the archive, without the slash at the end of a folder's. Not judged: it may be `../x`. */
  path: string;
  isFolder: boolean;
  bytes: Uint8Array;
}

/** How much an archive may hold. */
export interface ZipLimits {
  entries: number;
  /** Of all entries together, unpacked. */
  bytes: number;
}

/** Reads the entries in the order of the directory. Throws {@link ArchiveError} and nothing else. */
export function readZip(archive: Uint8Array, limits: ZipLimits): ZipEntry[] {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = findEnd(view);
  const records = readDirectory(archive, view, end, limits.entries);
  const declared = records.reduce((sum, { size }) => sum + size, 0);
  if (declared > limits.bytes) throw new ArchiveError(`it unpacks to ${declared} bytes, more than a skill can have`);
  const placed = records.map((record) => ({ ...record, ...readLocal(archive, view, record) }));
  refuseGaps(placed, view.getUint32(end + 16, true));
  return placed.map((entry) => ({
    path: entry.isFolder ? entry.name.slice(0, -1) : entry.name,
    isFolder: entry.isFolder,
    bytes: unpack(entry, archive.subarray(entry.dataStart, entry.dataEnd)),
  }));
}

/** What the central directory says of an entry. It is what counts; the local header has to agree. */
interface DirectoryRecord {
  name: string;
  nameBytes: Uint8Array;
  isFolder: boolean;
  method: number;
  crc: number;
  packedSize: number;
  size: number;
  localOffset: number;
}

const endLength = 22;
const directoryLength = 46;
const localLength = 30;
const [stored, deflated] = [0, 8];
/** Sizes in zip64 begin where a skill has long ended. */
const elsewhere = 0xffffffff;

/** Where the end record begins. A comment may follow it, which could hold a second one: then nobody knows. */
function findEnd(view: DataView): number {
  const last = view.byteLength - endLength;
  const found: number[] = [];
  for (let at = last; at >= Math.max(0, last - 0xffff); at -= 1) {
    if (view.getUint32(at, true) !== 0x06054b50) continue;
    if (at + endLength + view.getUint16(at + 20, true) === view.byteLength) found.push(at);
  }
  const [end] = found;
  if (end === undefined) throw new ArchiveError('it is not a zip file, or it was cut off');
  if (found.length > 1) throw new ArchiveError('it has more than one end');
  return end;
}

function readDirectory(archive: Uint8Array, view: DataView, end: number, most: number): DirectoryRecord[] {
  const count = view.getUint16(end + 10, true);
  const oneDisk = view.getUint32(end + 4, true) === 0 && view.getUint16(end + 8, true) === count;
  const start = view.getUint32(end + 16, true);
  if (!oneDisk || start + view.getUint32(end + 12, true) !== end) {
    throw new ArchiveError('its directory is not where its end says');
  }
  if (count > most) throw new ArchiveError(`it has ${count} entries, more than a skill can have`);
  const records: DirectoryRecord[] = [];
  let at = start;
  for (let index = 0; index < count; index += 1) {
    if (at + directoryLength > end || view.getUint32(at, true) !== 0x02014b50) throw damagedDirectory();
    const nameEnd = at + directoryLength + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const next = extraEnd + view.getUint16(at + 32, true);
    if (next > end) throw damagedDirectory();
    const nameBytes = archive.subarray(at + directoryLength, nameEnd);
    refuseOtherName(archive.subarray(nameEnd, extraEnd), nameBytes);
    const name = decode(nameBytes);
    refuseFlags(view.getUint16(at + 8, true), name);
    const record = {
      name,
      nameBytes,
      isFolder: name.endsWith('/'),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packedSize: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      localOffset: view.getUint32(at + 42, true),
    };
    if (
      view.getUint16(at + 34, true) !== 0 ||
      [record.packedSize, record.size, record.localOffset].includes(elsewhere)
    ) {
      throw new ArchiveError(`${quote(name)} is larger than any skill`);
    }
    refuseSpecial(view.getUint32(at + 38, true), record);
    records.push(record);
    at = next;
  }
  if (at !== end) throw damagedDirectory();
  return records;
}

interface Place {
  /** Whether sizes may follow the data instead of preceding it. */
  hasDescriptor: boolean;
  dataStart: number;
  dataEnd: number;
}

/** The header before the data, which programs that unpack a stream go by. */
function readLocal(archive: Uint8Array, view: DataView, record: DirectoryRecord): Place {
  const { localOffset: at, name } = record;
  if (at + localLength > view.byteLength || view.getUint32(at, true) !== 0x04034b50) {
    throw new ArchiveError(`${quote(name)} is not where the directory says`);
  }
  const nameEnd = at + localLength + view.getUint16(at + 26, true);
  const dataStart = nameEnd + view.getUint16(at + 28, true);
  const dataEnd = dataStart + record.packedSize;
  if (dataEnd > view.byteLength) throw new ArchiveError(`${quote(name)} is cut off`);
  const nameBytes = archive.subarray(at + localLength, nameEnd);
  refuseOtherName(archive.subarray(nameEnd, dataStart), nameBytes);
  const flags = view.getUint16(at + 6, true);
  refuseFlags(flags, name);
  const hasDescriptor = (flags & 0x8) !== 0;
  const agrees = (said: number, known: number) => said === known || (hasDescriptor && said === 0);
  const sizeAgrees = (said: number, known: number) => agrees(said, known) || said === elsewhere;
  const same =
    Buffer.compare(nameBytes, record.nameBytes) === 0 &&
    view.getUint16(at + 8, true) === record.method &&
    agrees(view.getUint32(at + 14, true), record.crc) &&
    sizeAgrees(view.getUint32(at + 18, true), record.packedSize) &&
    sizeAgrees(view.getUint32(at + 22, true), record.size);
  if (!same) throw new ArchiveError(`${quote(name)} is described in two ways`);
  return { hasDescriptor, dataStart, dataEnd };
}

/**
 * Refuses entries that share bytes (each of many could unpack the same ones) and bytes that belong to none (which a
 * program that goes by local headers may take for one more file). Between entries only a data descriptor may stand.
 */
function refuseGaps(entries: readonly (DirectoryRecord & Place)[], directory: number): void {
  const sorted = [...entries].sort((a, b) => a.localOffset - b.localOffset);
  const descriptors = [0, 12, 16, 20, 24];
  let [end, allowed] = [0, [0]];
  for (const start of [...sorted.map(({ localOffset }) => localOffset), directory]) {
    if (!allowed.includes(start - end)) throw new ArchiveError('its entries overlap or leave something between them');
    const entry = sorted.shift();
    [end, allowed] = [entry?.dataEnd ?? start, entry?.hasDescriptor === true ? descriptors : [0]];
  }
}

/** Encrypted (bits 0, 6, 13) or a patch to something else (bit 5). */
function refuseFlags(flags: number, name: string): void {
  if ((flags & 0x2061) !== 0) throw new ArchiveError(`${quote(name)} is encrypted or a patch`);
}

/** A symbolic link, a device and the like are told by the file type in the upper half, links of Windows in the lower. */
function refuseSpecial(attributes: number, { name, isFolder, size }: DirectoryRecord): void {
  const type = (attributes >>> 16) & 0o170000;
  const plain = type === 0 || type === (isFolder ? 0o040000 : 0o100000);
  const [volume, folder, reparsePoint] = [0x08, 0x10, 0x400];
  const odd = (attributes & (volume | reparsePoint)) !== 0 || ((attributes & folder) !== 0 && !isFolder);
  if (!plain || odd) throw new ArchiveError(`${quote(name)} is neither a file nor a folder (a symbolic link?)`);
  if (isFolder && size > 0) throw new ArchiveError(`${quote(name)} is a folder with content`);
}

/** The extra field 0x7075 gives a name that some programs prefer. */
function refuseOtherName(extra: Uint8Array, name: Uint8Array): void {
  const view = new DataView(extra.buffer, extra.byteOffset, extra.byteLength);
  for (let at = 0; at + 4 <= extra.length; ) {
    const next = at + 4 + view.getUint16(at + 2, true);
    if (next > extra.length) throw damagedDirectory();
    const isName = view.getUint16(at, true) === 0x7075;
    if (isName && Buffer.compare(extra.subarray(Math.min(at + 9, next), next), name) !== 0) {
      throw new ArchiveError('an entry has two names');
    }
    at = next;
  }
}

function unpack({ name, method, crc, size }: DirectoryRecord, packed: Uint8Array): Uint8Array {
  if (method !== stored && method !== deflated) throw new ArchiveError(`${quote(name)} is packed in an unknown way`);
  const bytes = method === deflated && packed.length > 0 ? inflate(packed, size, name) : packed;
  if (bytes.length !== size || crc32(bytes) !== crc) throw new ArchiveError(`${quote(name)} is damaged`);
  return bytes;
}

/** Never more than was declared is unpacked, and all that was declared was counted before: a bomb ends here. */
function inflate(packed: Uint8Array, size: number, name: string): Uint8Array {
  try {
    const options = { info: true, maxOutputLength: Math.max(1, size) };
    const { buffer, engine } = inflateRawSync(packed, options) as unknown as Inflated;
    if (engine.bytesWritten === packed.length) return buffer;
  } catch (cause) {
    throw new ArchiveError(`${quote(name)} is damaged, or unpacks to more than it says`, { cause });
  }
  throw new ArchiveError(`${quote(name)} ends before its data does`);
}

/** What zlib answers with `info`, which its types leave out. */
interface Inflated {
  buffer: Buffer;
  engine: { bytesWritten: number };
}

/** UTF-8 also where no flag says so: nothing else can have been uploaded. */
function decode(name: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name);
  } catch (cause) {
    throw new ArchiveError('the name of an entry is not UTF-8', { cause });
  }
}

function damagedDirectory(): ArchiveError {
  return new ArchiveError('its directory is damaged');
}
