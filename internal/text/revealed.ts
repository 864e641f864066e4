import { visible } from './quote.ts';

/** What shows as nothing, or as a plain space, beyond what {@link visible} already escapes. */
const unseen = /[\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu;

/** Text from outside for a review: as {@link visible}, and no character that cannot be seen is left unseen. */
export function revealed(text: string): string {
  return visible(text).replace(unseen, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

/** A value as indented JSON in which everything unseen stands as an escape, so that a reader of the file sees it. */
export function revealedJson(value: unknown): string {
  return revealedText(JSON.stringify(value, undefined, 2));
}

/** JSON with an escape in the place of each character that is not seen. */
export function revealedText(json: string): string {
  return json.replace(/(?![\n ])[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu, (char) =>
    char
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
