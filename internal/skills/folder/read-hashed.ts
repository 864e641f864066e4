import { createHash } from 'node:crypto';
import { readInPieces } from '../../outside/files.ts';

/** A file that was read: the hash of its bytes and, if they were to be kept, the bytes. */
export interface HashedRead {
  sha256: string;
  bytes?: Uint8Array<ArrayBuffer>;
}

/**
 * Reads a file once, hashing as it goes: memory stays flat unless the bytes are kept. Undefined where the file is not
 * the one that was seen with this size, or was written to meanwhile. Throws {@link FileError}.
 */
export async function readHashed(
  path: string,
  size: number,
  { keep }: { keep: boolean },
): Promise<HashedRead | undefined> {
  const hash = createHash('sha256');
  const bytes = new Uint8Array(keep ? size : 0);
  let at = 0;
  const steady = await readInPieces(path, size, (piece) => {
    hash.update(piece);
    if (keep) bytes.set(piece, at);
    at += piece.length;
  });
  if (!steady) return undefined;
  return { sha256: hash.digest('hex'), ...(keep && { bytes }) };
}
