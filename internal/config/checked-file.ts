import type * as z from 'zod/mini';
import { type Document, readDocument } from './document.ts';
import type { FoundFile } from './folder.ts';
import type { Finding, Mistake } from './mistake.ts';
import { readableText } from './readable-text.ts';
import { checkShape } from './shape.ts';

/** One configuration file after its own rules were checked. */
export interface CheckedFile<Value> extends FoundFile {
  /** The file as a whole, where its shape is right. */
  whole: Value | undefined;
  /** The top-level keys whose shape is right. */
  parts: Partial<Value>;
  /** Adds what is found wrong with the file later on. */
  add(findings: readonly Finding[]): void;
  /** Everything that is wrong with the file, in the order of its lines. */
  mistakes(): Mistake[];
}

/** Reads a file and checks it against its definition and the rules between its keys. */
export async function checkFile<Definition extends z.ZodMiniObject>(
  { name, path }: FoundFile,
  definition: Definition,
  rules: (parts: Partial<z.output<Definition>>) => Finding[] = () => [],
): Promise<CheckedFile<z.output<Definition>>> {
  const document = await documentIn(name, path);
  if (Array.isArray(document))
    return { name, path, whole: undefined, parts: {}, add: () => {}, mistakes: () => document };

  const mistakes: Mistake[] = [];
  const add = (findings: readonly Finding[]) => {
    for (const finding of findings) {
      mistakes.push({ ...finding, file: path, position: document.positionOf(finding) });
    }
  };
  const { whole, parts, findings } = checkShape(definition, document.data);
  add(findings);
  add(rules(parts));
  return { name, path, whole, parts, add, mistakes: () => mistakes.toSorted(byPosition) };
}

async function documentIn(name: string, path: string): Promise<Document | Mistake[]> {
  const mistake = (problem: string): Mistake => ({ file: path, path: [], problem });
  const read = await readableText(path);
  if ('problem' in read) return [mistake(read.problem)];
  if (read.text === undefined) {
    const begin = name === 'interface' ? '; setup-session init writes one to start from' : '';
    return [mistake(`there is no such file${begin}`)];
  }
  const document = readDocument(read.text);
  if (!Array.isArray(document)) return document;
  return document.map(({ problem, ...position }) => ({ ...mistake(problem), position }));
}

function byPosition(a: Mistake, b: Mistake): number {
  const [one, other] = [a.position, b.position];
  if (one === undefined || other === undefined) return 0;
  return one.line - other.line || one.column - other.column;
}
