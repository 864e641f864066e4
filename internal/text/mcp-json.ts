/** `.mcp.json`, the file of a project that says which MCP servers its agents use: entries merged into what is there. Pure. */
import { isRecord } from './record.ts';

/** A server whose headers a command prints. */
export interface HelpedServer {
  name: string;
  url: string;
  /** The command, for a shell. */
  headersHelper: string;
}

/** What became of the entry of one server. */
export type EntryChange = 'none' | 'added' | 'changed';

/** The file with the entries in it, or why they cannot be put there. */
export type Merged = { text: string; changes: Map<string, EntryChange> } | { problem: string };

/**
 * Puts the entries of some servers into the text of the file. What else is there stays, in its order; of an entry that is there
 * for the same address its other members do. An entry of that name for anything else is somebody's own, and left alone.
 */
export function mergedServers(before: string | undefined, servers: readonly HelpedServer[]): Merged {
  const file = before === undefined || before.trim() === '' ? {} : parsed(before);
  if (!isRecord(file)) return { problem: 'it is no JSON object' };
  const { mcpServers: present = {} } = file;
  if (!isRecord(present)) return { problem: 'mcpServers is no JSON object' };
  const entries = new Map(Object.entries(present));
  const changes = new Map<string, EntryChange>();
  for (const { name, url, headersHelper } of servers) {
    const entry = entries.get(name);
    if (entry === undefined) {
      entries.set(name, { type: 'http', url, headersHelper });
      changes.set(name, 'added');
      continue;
    }
    if (!isRecord(entry) || entry['url'] !== url || (entry['type'] ?? 'http') !== 'http') {
      return { problem: `mcpServers.${name} is another server` };
    }
    changes.set(name, entry['headersHelper'] === headersHelper ? 'none' : 'changed');
    entries.set(name, { ...entry, headersHelper });
  }
  const mcpServers = Object.fromEntries(entries);
  return { text: `${JSON.stringify({ ...file, mcpServers }, null, indentOf(before))}\n`, changes };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return undefined;
  }
}

/** As the file is written: a person looks at what changed in it. */
function indentOf(text = ''): string {
  return /^[\t ]+(?=")/m.exec(text)?.[0] ?? '  ';
}
