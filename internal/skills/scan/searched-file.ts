/** A file of a skill as the rules look at it: its text, however it is encoded, and the place of an offset in it. */

/** A file to be scanned. */
export interface FileToScan {
  /** Below the skill's folder, separated by `/`. */
  path: string;
  bytes: Uint8Array;
}

/** A file that can be searched as text. */
export interface SearchedFile {
  path: string;
  text: string;
  /**
   * Of text that is not Unicode the characters are its bytes one by one; `none` is no text at all, but words can be
   * found in it all the same.
   */
  encoding: 'unicode' | 'bytes' | 'none';
}

/** Something that a rule found. */
export interface Hit {
  /** Where in the text; left out where it concerns the file as a whole. */
  offset?: number;
  what: string;
  /** Where this one is more or less grave than its rule. */
  level?: 'error' | 'warning' | 'note';
}

const textNames =
  /\.(?:md|mdx|markdown|txt|rst|adoc|html?|xml|svg|css|csv|tsv|json[5cl]?|jsonl|ya?ml|toml|ini|cfg|conf|env|sql|tex)$/i;
const scriptNames =
  /(?:\.(?:sh|bash|zsh|fish|ksh|ps1|psm1|bat|cmd|py|pyw|ipynb|js|mjs|cjs|jsx|ts|mts|cts|tsx|rb|pl|pm|php|lua|r|go|rs|java|kts?|swift|scala|awk|tcl|vbs|applescript)|(?:^|\/)(?:makefile|dockerfile|justfile|rakefile))$/i;

/** Whether a file is text or a script by its name or first bytes, whatever else is in it. */
export function isMeantAsText({ path, bytes }: FileToScan): boolean {
  const hasShebang = bytes[0] === 0x23 && bytes[1] === 0x21;
  return hasShebang || textNames.test(path) || scriptNames.test(path);
}

/**
 * The text of a file. Nothing is left out for a broken byte, because a shell would run the rest all the same. UTF-16 is
 * known by its byte order mark.
 */
export function searchedFile(file: FileToScan): SearchedFile {
  const { path, bytes } = file;
  const utf16 = utf16Of(bytes);
  if (utf16 !== undefined) return { path, text: new TextDecoder(utf16).decode(bytes), encoding: 'unicode' };
  const isText = isMeantAsText(file);
  const text = isText || !bytes.includes(0) ? utf8In(bytes) : undefined;
  if (text !== undefined) return { path, text, encoding: 'unicode' };
  const asBytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return { path, text: asBytes, encoding: isText ? 'bytes' : 'none' };
}

/** A place counted from 1; the starts of the lines are found once, when the first place is asked for. */
export function placesIn(text: string): (offset: number) => { line: number; column: number } {
  const starts = [0];
  return (offset) => {
    if (starts.length === 1) {
      for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    }
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

function utf16Of(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  return bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : undefined;
}

/** A byte order mark at the start is left out: there it hides nothing. */
function utf8In(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
