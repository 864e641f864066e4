/**
 * Whether a text is an address, as `new URL` reads it. Not `URL.canParse`: in Node 20 and 22 (20.20.2, 22.23.5) that says no
 * to every address with a letter such as ü once it was asked some thousand times and its quick path is compiled.
 */
export function isUrl(text: string, base?: string | URL): boolean {
  try {
    new URL(text, base);
    return true;
  } catch {
    return false;
  }
}
