/** One call that a message tells the agent to attempt. */
export interface ScriptedCall {
  server: string;
  tool: string;
  input: Record<string, unknown>;
}

/** What a message tells the agent to do. `mistakes` are lines that look like calls and cannot be read. */
export interface Script {
  calls: ScriptedCall[];
  mistakes: string[];
}

/**
 * Reads the lines of the form `call <server> <tool> <json object>` from a message; the object may be missing.
 * The server `builtin` stands for the built-in tools. Other lines are prose.
 */
export function readScript(text: string): Script {
  const script: Script = { calls: [], mistakes: [] };
  for (const line of text.split('\n')) {
    const [, server, tool, json] = line.match(/^\s*call\s+(\S+)\s+(\S+)\s*(.*?)\s*$/) ?? [];
    if (server === undefined || tool === undefined) continue;
    const input = readObject(json || '{}');
    if (input === undefined) script.mistakes.push(line.trim());
    else script.calls.push({ server, tool, input });
  }
  return script;
}

function readObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
