/** The model of an agent, whole, in a form where equal means the same: which one, how hard it works, how fast and where. Pure. */

/** A model as the platform answers it, or as a file names it. */
export type AnsweredModel = string | { id: string; effort?: unknown; speed?: unknown; inference_geo?: unknown };

/** How hard a model works, in the platform's words. */
export const efforts = ['low', 'medium', 'high', 'xhigh', 'max'] as const;

/** One of {@link efforts}. */
export type Effort = (typeof efforts)[number];

/**
 * The dated ids that short ones stand for. Only models before 4.6 have such names, where the platform may answer either;
 * later ids are pinned as they are (platform.claude.com, "Model IDs and versioning"; the ids are those of the SDK, 1.14).
 */
const aliases: Readonly<Record<string, string>> = {
  'claude-haiku-4-5': 'claude-haiku-4-5-20251001',
  'claude-opus-4-5': 'claude-opus-4-5-20251101',
  'claude-sonnet-4-5': 'claude-sonnet-4-5-20250929',
};

/** The id of a model, as it was named. */
export function modelId(model: AnsweredModel): string {
  return typeof model === 'string' ? model : model.id;
}

/** How hard it works; undefined where nothing says it, or in a word that no version knows. */
export function effortOf(model: AnsweredModel): Effort | undefined {
  const effort = typeof model === 'string' ? undefined : wordOf(model.effort);
  return efforts.find((known) => known === effort);
}

/** Everything that is known of a model, sorted; what is as usual is left out. */
export function modelLines(model: AnsweredModel): string[] {
  const id = modelId(model);
  const lines = [Object.hasOwn(aliases, id) ? String(aliases[id]) : id];
  if (typeof model === 'string') return lines;
  const { effort, speed, inference_geo: place } = model;
  if (effort !== undefined && effort !== null) lines.push(`effort ${wordOf(effort)}`);
  if (speed !== undefined && speed !== null && speed !== 'standard') lines.push(`speed ${wordOf(speed)}`);
  if (place !== undefined && place !== null) lines.push(`inference_geo ${wordOf(place)}`);
  return lines.sort();
}

/** The same, without the effort: where no file and no lock says one, nobody can tell whether it was changed. */
export function modelLinesBesideEffort(model: AnsweredModel): string[] {
  return modelLines(typeof model === 'string' ? model : { ...model, effort: undefined });
}

/** The platform wraps an effort in an object with a type. */
function wordOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const { type } = (typeof value === 'object' && value !== null ? value : {}) as { type?: unknown };
  return typeof type === 'string' ? type : (JSON.stringify(value) ?? 'nothing');
}
