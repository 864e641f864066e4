import type { Catalogue } from '../config/definitions.ts';
import type { ToolClass } from './verdict.ts';

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
  const reviewed = reviewedClass(name, catalogue);
  if (reviewed === 'destructive' || annotations?.destructiveHint === true) return 'destructive';
  if (annotations?.readOnlyHint === false) return 'write';
  return reviewed;
}

function reviewedClass(name: string, { read, write, destructive }: Catalogue): ToolClass {
  if (destructive.includes(name)) return 'destructive';
  return read.includes(name) && !write.includes(name) ? 'read' : 'write';
}
