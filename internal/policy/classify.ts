import type { Catalogue } from '../config/definitions.ts';
import type { ToolClass } from './agent-says.ts';

/** What an MCP server says about one of its tools. The annotations are the server's own claim. */
export interface OfferedTool {
  name: string;
  annotations?: { readOnlyHint?: boolean | undefined; destructiveHint?: boolean | undefined } | null | undefined;
}

/**
 * What a tool does. People decide that in the catalogue; what the server says about itself may raise caution and
 * never lowers it. A tool that is not listed counts as write, and is off all the same (P4).
 */
export function classify({ name, annotations }: OfferedTool, catalogue: Catalogue): ToolClass {
  return raised(reviewedClass(name, catalogue), annotations ?? {});
}

/** What may raise a class: what the server says of its tool, and that a verdict by its name bounds nothing. */
export interface Raising {
  readonly readOnlyHint?: unknown;
  readonly destructiveHint?: unknown;
  readonly router?: unknown;
}

/** A class after what is known of its tool, which may be of any type: only the booleans count. */
export function raised(reviewed: ToolClass, { readOnlyHint, destructiveHint, router }: Raising): ToolClass {
  if (reviewed === 'destructive' || destructiveHint === true || router === true) return 'destructive';
  return readOnlyHint === false ? 'write' : reviewed;
}

function reviewedClass(name: string, { read, write, destructive }: Catalogue): ToolClass {
  if (destructive.includes(name)) return 'destructive';
  return read.includes(name) && !write.includes(name) ? 'read' : 'write';
}
