/** What a file is, by its first bytes and its name: programs and archives carry what no search of the text sees. */
import type { FileToScan, Hit } from './searched-file.ts';

/** What is said of a file as a whole, with the rule that says it. */
export interface KindHit extends Hit {
  rule: 'executable' | 'archive' | 'unknown-binary';
}

/** A kind of file: its first bytes in hex (`..` stands for any), from the given offset. */
type Magic = readonly [kind: string, hex: string, offset?: number];

const programs: readonly Magic[] = [
  ['an ELF program', '7f454c46'],
  ['a Mach-O program', 'feedface'],
  ['a Mach-O program', 'feedfacf'],
  ['a Mach-O program', 'cefaedfe'],
  ['a Mach-O program', 'cffaedfe'],
  ['a Java class or a Mach-O program', 'cafebabe'],
  ['a WebAssembly program', '0061736d'],
  ['an Android program', '6465780a'],
  ['LLVM bitcode', '4243c0de'],
];
const programNames =
  /\.(?:class|jar|war|apk|aar|so|so\.\d[\d.]*|dll|exe|com|scr|msi|dylib|node|wasm|o|a|lib|ko|elf|appimage|dex|pyd)$/i;

const archives: readonly Magic[] = [
  ['a zip archive', '504b0304'],
  ['a zip archive', '504b0506'],
  ['a gzip file', '1f8b'],
  ['a 7z archive', '377abcaf271c'],
  ['a rar archive', '526172211a07'],
  ['a bzip2 file', '425a68..314159265359'],
  ['an xz file', 'fd377a585a00'],
  ['a zstd file', '28b52ffd'],
  ['an lz4 file', '04224d18'],
  ['a cabinet archive', '4d534346'],
  ['a tar archive', '7573746172', 257],
  ['an ar archive', '213c617263683e0a'],
];
const archiveNames =
  /\.(?:zip|tar|tgz|gz|bz2|tbz2?|xz|txz|lzma|7z|rar|zst|lz4|cab|whl|egg|deb|rpm|iso|dmg|pkg|cpio|ar|z|skill|mcpb|dxt)$/i;
const officeNames = /\.(?:docx|dotx|xlsx|xltx|pptx|potx|odt|ods|odp|odg|epub)$/i;

/** Kinds that are looked at and not run. */
const harmless: readonly Magic[] = [
  ['png', '89504e470d0a1a0a'],
  ['jpg', 'ffd8ff'],
  ['gif', '474946383761'],
  ['gif', '474946383961'],
  ['webp', '52494646........57454250'],
  ['wav', '52494646........57415645'],
  ['bmp', '424d........00000000'],
  ['tiff', '49492a00'],
  ['tiff', '4d4d002a'],
  ['ico', '00000100'],
  ['heic or mp4', '66747970', 4],
  ['pdf', '255044462d'],
  ['woff', '774f4646'],
  ['woff2', '774f4632'],
  ['ttf', '0001000000'],
  ['otf', '4f54544f'],
  ['ogg', '4f676753'],
  ['flac', '664c6143'],
  ['mp3', '494433'],
  ['webm', '1a45dfa3'],
];

/** What is to be said of a file because of what it is. `readable` is whether it is text. */
export function kindHits({ path, bytes }: FileToScan, readable: boolean): KindHit[] {
  const program = kindOf(programs, bytes) ?? (isPortableExecutable(bytes) ? 'a Windows program' : undefined);
  if (program !== undefined) return [{ rule: 'executable', what: `it is ${program}` }];
  if (programNames.test(path)) return [{ rule: 'executable', what: 'it has the name of a program or library' }];
  const archive = kindOf(archives, bytes);
  if (archive === 'a zip archive' && officeNames.test(path)) {
    return [{ rule: 'archive', level: 'note', what: 'it is an office document, of which the text is not searched' }];
  }
  if (archive !== undefined) return [{ rule: 'archive', what: `it is ${archive}` }];
  if (archiveNames.test(path)) return [{ rule: 'archive', what: 'it has the name of an archive' }];
  if (readable || isKnownBinary(bytes)) return [];
  return [{ rule: 'unknown-binary', what: 'it is not text and of no known kind' }];
}

/** Whether a file is of a binary kind in which words mean nothing. */
export function isKnownBinary(bytes: Uint8Array): boolean {
  return kindOf(harmless, bytes) !== undefined;
}

function kindOf(kinds: readonly Magic[], bytes: Uint8Array): string | undefined {
  return kinds.find(([, hex, offset = 0]) => startsWith(bytes, hex, offset))?.[0];
}

function startsWith(bytes: Uint8Array, hex: string, offset: number): boolean {
  const length = hex.length / 2;
  if (bytes.length < offset + length) return false;
  for (let index = 0; index < length; index += 1) {
    const expected = hex.slice(2 * index, 2 * index + 2);
    if (expected !== '..' && bytes[offset + index] !== Number.parseInt(expected, 16)) return false;
  }
  return true;
}

/** Two letters begin a Windows program, and many a text: the header that they point to has to be there as well. */
function isPortableExecutable(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x4d || bytes[1] !== 0x5a || bytes.length < 64) return false;
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(60, true);
  return startsWith(bytes, '50450000', header);
}
