/** What of the starter configuration is still as it was written, and was to be filled in. Pure. */
import { agentText, interfaceText } from './starter-texts.ts';

/** A line that nobody has filled in. */
export interface Placeholder {
  line: number;
  /** The line as it stands, without what follows its value. */
  text: string;
}

const marked = new Set([interfaceText, agentText].flatMap((text) => text.split('\n')).filter(isMarked));

/** The lines of a file that are exactly those which the starter marks as to be filled in. */
export function placeholdersIn(text: string): Placeholder[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      marked.has(line) ? [{ line: index + 1, text: line.replace(/\s*#.*$/, '').trim() }] : [],
    );
}

function isMarked(line: string): boolean {
  return /\S.*# <-/.test(line);
}

/** Whether a host can be nobody's: it lies in a domain that is kept for examples (RFC 2606, RFC 6761). */
export function isExampleHost(host: string): boolean {
  return /(^|\.)(example\.(com|net|org)|example|invalid|test)$/.test(host);
}
