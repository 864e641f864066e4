import { join } from 'node:path';
import { quote } from '../text/quote.ts';
import type { Finding } from './mistake.ts';
import { readableText } from './readable-text.ts';

/** The longest system prompt that the platform takes. */
const longestPrompt = 100_000;

/** The text of a system prompt that may stand in a file beside the agent, or what is wrong with it. */
export async function readSystemPrompt(
  agentsFolder: string,
  system: string | { file: string } | undefined,
): Promise<{ text: string | undefined; findings: Finding[] }> {
  if (typeof system !== 'object') return { text: system, findings: [] };
  const wrong = (problem: string) => ({ text: undefined, findings: [{ path: ['system', 'file'], problem }] });

  // A name and nothing else: what an agent is told is reviewed beside the agent, not fetched from elsewhere.
  if (!/^[A-Za-z0-9][\w.-]*$/.test(system.file)) {
    return wrong(`got ${quote(system.file)}, expected the name of a file beside this one, such as "support.md"`);
  }
  const path = join(agentsFolder, system.file);
  const read = await readableText(path);
  if ('problem' in read) return wrong(`${quote(path)}: ${read.problem}`);
  // Git may have converted it: with other line endings it is the same prompt, and the same agent.
  const text = read.text?.replace(/\r\n?/g, '\n');
  if (text === undefined) return wrong(`there is no file ${quote(path)}`);
  if (text.length > longestPrompt) return wrong(`${quote(path)} is longer than ${longestPrompt} characters`);
  return { text, findings: [] };
}
