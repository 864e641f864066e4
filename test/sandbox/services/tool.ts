import { z } from 'zod';
import type { JsonObject } from '../authorization/control.ts';

/** What a tool does to the account it is called with. */
export type Effect = 'read' | 'write' | 'destructive';

/** One tool of a service. */
export interface SandboxTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly effect: Effect;
  /** The scope a token needs for it; a service without scopes leaves it out. */
  readonly scope?: string;
  readonly input: z.ZodObject;
  /** What it answers beside who called, perhaps later. */
  answer(input: JsonObject): JsonObject | Promise<JsonObject>;
}

/** What a test says about a tool that appears later; the rest is made up. */
export interface NewTool extends Partial<Omit<SandboxTool, 'name'>> {
  readonly name: string;
}

/** Fills in what a test does not care about: a tool that reads, needs nothing and answers nothing of its own. */
export function newTool(tool: NewTool): SandboxTool {
  return {
    title: tool.name,
    description: `Does ${tool.name}.`,
    effect: 'read',
    input: z.looseObject({}),
    answer: () => ({}),
    ...tool,
  };
}
