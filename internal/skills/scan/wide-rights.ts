/** What widens the rights of an agent that follows the skill: tools that it may use without asking, and settings for that. */
import { matchesIn, searchable } from './search.ts';
import type { Hit, SearchedFile } from './searched-file.ts';

/** Tools that can do anything: no argument, or a star alone, bounds them. */
const boundless =
  /^(?:\*|(?:Bash|PowerShell|Shell|Execute|Task|Agent|mcp__[\w-]+)(?:\(\s*(?:\*|:\*|\*:\*)?\s*\))?|Bash\((?:sudo|sh|bash|zsh|python3?|node|perl|ruby|eval|env|xargs)\b[^)]*\)|mcp__[\w-]*\*|mcp__[\w-]+__\*)$/;
/** Tools that change something or reach somebody, in the bounds of their argument. */
const acting = /^(?:Bash|PowerShell|Write|Edit|MultiEdit|NotebookEdit|WebFetch|WebSearch|KillShell|mcp__)/;

const settings = searchable(
  /["']?(?:defaultMode|permissionMode|permission-mode)["']?\s{0,4}[:= ]\s{0,4}["']?(?:bypassPermissions|acceptEdits|dontAsk)\b|--(?:yolo|allow-all-tools|dangerously-[\w-]{1,40})\b|["']?(?:enableAllProjectMcpServers|skipPermissions)["']?\s{0,4}[:=]\s{0,4}true\b/g,
);

/** The tools that SKILL.md has the agent use without asking, and settings that take the asking away. */
export function wideRights(file: SearchedFile): Hit[] {
  const hits: Hit[] = matchesIn(file, settings).map(({ index }) => ({
    offset: index,
    what: 'turns off that a person is asked',
  }));
  if (file.path === 'SKILL.md') hits.push(...allowedTools(file.text));
  return hits;
}

/** The value of `allowed-tools` in the front matter, in one line or as a list. */
const allowed = /^allowed-tools:([^\n]*(?:\n(?:[ \t]+[^\n]*|-[ \t][^\n]*))*)/m;

function allowedTools(text: string): Hit[] {
  const end = text.startsWith('---') ? text.indexOf('\n---', 3) : -1;
  const match = end === -1 ? null : allowed.exec(text.slice(0, end));
  if (match === null) return [];
  const [whole, value = ''] = match;
  const start = match.index + whole.length - value.length;
  return [...value.matchAll(/[\w*-]+(?:\([^()\n]*\))?/g)].flatMap(({ 0: tool, index }) => {
    if (tool === '-' || !(boundless.test(tool) || acting.test(tool))) return [];
    const isBoundless = boundless.test(tool);
    return [
      {
        offset: start + index,
        what: `lets the agent use ${tool} without asking${isBoundless ? ', whatever it does with it' : ''}`,
        ...(!isBoundless && { level: 'note' as const }),
      },
    ];
  });
}
