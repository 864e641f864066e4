/**
 * `config/tools.lock/<service>.jsonl`: what the tools of one service say, one line for each, so that a change of one is a
 * changed line of a commit. Only what shows or compares texts reads it: the lock itself knows each by its digest, and a text
 * that has another digest is none.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type OfferedTool, toolOf } from '../offer/offered-tool.ts';
import { type ReviewedFile, reviewedFile } from '../stores/files/reviewed-file.ts';
import { canonicalJson, sha256 } from '../text/canonical.ts';
import { revealedText } from '../text/revealed.ts';
import type { FileBeside } from './lock.ts';

/** The texts of one service, by digest. */
export interface Texts {
  /** What has this digest, as canonical JSON; undefined where it is not there, or is something else. */
  text(digest: string): string | undefined;
  tool(digest: string): OfferedTool | undefined;
}

const line = /^\{"tool":"(?:[^"\\]|\\.)*","sha256":"([0-9a-f]{64})","says":(\{.*\})\}$/;

/** Reads the texts of a service; none where there is no such file. `more` are texts that are somewhere else so far. */
export async function readTexts(
  configFolder: string,
  service: string,
  more: ReadonlyMap<string, string> = new Map(),
): Promise<Texts> {
  const raw = new Map<string, string>();
  for (const each of ((await textsIn(configFolder, service).read()) ?? '').split('\n')) {
    const [, digest, text] = line.exec(each) ?? [];
    if (digest !== undefined && text !== undefined) raw.set(digest, text);
  }
  const text = (digest: string) => more.get(digest) ?? verified(raw.get(digest), digest);
  return {
    text,
    tool(digest) {
      const said = text(digest);
      return said === undefined ? undefined : toolOf({ text: said });
    },
  };
}

/**
 * The file with the texts that are still needed, by tool and digest; undefined where it is there already. Only one line of it
 * is in memory at once.
 */
export async function textsToWrite(
  configFolder: string,
  service: string,
  needed: readonly { tool: string; digest: string; text(): string }[],
): Promise<FileBeside | undefined> {
  // No beginning is that of another: they are in the order of their lines.
  const begun = needed
    .map(({ tool, digest, text }) => ({ begin: `{"tool":${JSON.stringify(tool)},"sha256":"${digest}","says":`, text }))
    .sort((one, other) => (one.begin < other.begin ? -1 : 1));
  const lines = {
    *[Symbol.iterator]() {
      for (const { begin, text } of begun) yield `${begin}${revealedText(text())}}\n`;
    },
  };
  const hash = createHash('sha256');
  for (const each of lines) hash.update(each);
  const file = textsIn(configFolder, service);
  return (await file.digest()) === hash.digest('hex') ? undefined : { file, text: lines };
}

/** The canonical text, where it is the one that has this digest. */
function verified(raw: string | undefined, digest: string): string | undefined {
  if (raw === undefined) return undefined;
  if (sha256(raw) === digest) return raw;
  // What is not seen stands as an escape in the file.
  try {
    const text = canonicalJson(JSON.parse(raw));
    return sha256(text) === digest ? text : undefined;
  } catch {
    // Edited by hand, or a conflict: it is not the text that the lock knows.
    return undefined;
  }
}

function textsIn(configFolder: string, service: string): ReviewedFile {
  return reviewedFile(join(configFolder, 'tools.lock', `${service}.jsonl`));
}
