import { relative } from 'node:path';
import { quote, visible } from '../text/quote.ts';

/** The keys and list positions that lead to a value. */
export type Path = readonly (string | number)[];

/** Something wrong with a value of a file, wherever the file may be. */
export interface Finding {
  path: Path;
  problem: string;
  /** Whether the key itself is what is wrong, so that the position is that of the key. */
  atKey?: boolean;
}

/** A line and column, both counted from 1. */
export interface Position {
  line: number;
  column: number;
}

/** A finding in its file. */
export interface Mistake {
  /** The path of the file. */
  file: string;
  position?: Position;
  path: Path;
  problem: string;
}

/** One line for a mistake: `config/services/notion.yaml:12:5 authorization.registration: what is wrong`. */
export function mistakeLine({ file, position, path, problem }: Mistake): string {
  const place = position === undefined ? '' : `:${position.line}:${position.column}`;
  const where = path.length === 0 ? '' : ` ${shownPath(path)}`;
  return `${visible(nearPath(file))}${place}${where}: ${problem}`;
}

/** A path below the working directory from there, as editors and terminals open it with a click; others as they are. */
function nearPath(path: string): string {
  const near = relative('', path);
  return near.startsWith('..') ? path : near;
}

/** A value as a message shows it. */
export function shownValue(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'keys and values';
  return typeof value === 'string' ? quote(value) : String(value);
}

function shownPath(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!/^[\w-]+$/.test(step)) return `[${quote(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join('');
}
