/** What is known of the tools of a service: what was listed last, and what somebody reviewed. */
import type { ToolClass, ToolFacts } from '../offer/offered-tool.ts';
import { isRecord } from '../text/record.ts';

/** Who reviewed a tool, as a proven principal, and when. */
export interface Review {
  /** What the tool counted as then. */
  class: ToolClass;
  by: { kind: string; issuer: string; subject: string; label: string };
  at: string;
  /** What was reviewed: the digest of the text, or of its shape where it was pinned so. */
  sha256: string;
  /** The text that was shown, where its shape was pinned; with the places in it that may be another each time. */
  shape?: { of: string; places: string[] };
  /** Why a router counts as what the service's file says, and not as destructive. */
  reason?: string;
  /** Of the first version of the lock: tasks, pages and icons are pinned as they are at the next refresh. */
  older?: true;
}

/** One tool of a service. */
export interface PinnedTool {
  /** Of what was listed last. */
  sha256: string;
  facts: ToolFacts;
  /** False where the service no longer lists it. */
  offered: boolean;
  review: Review | undefined;
  /** The digest of the shape that was reviewed, of what was listed last. */
  shaped?: string | undefined;
  /** The places that are another each time the service is asked. */
  varies?: string[] | undefined;
}

/** The tools of one service by name, and the server that they were listed by. */
export interface PinnedService {
  mcpServerUrl: string;
  tools: Map<string, PinnedTool>;
  /** What was listed and cannot be reviewed, with why. */
  leftOut: { name: string; why: string }[];
  /** Texts by digest that still stand in the lock itself, as its first version had them. */
  texts?: ReadonlyMap<string, string> | undefined;
}

/** The lock's content by service. */
export type ToolsLock = Map<string, PinnedService>;

/** Whether the tool is as it was when somebody reviewed it. */
export function isAsReviewed({ sha256: digest, shaped, review }: PinnedTool): boolean {
  if (review === undefined) return false;
  return review.sha256 === (review.shape === undefined ? digest : shaped);
}

/** Whether what a lock holds names somebody who reviewed. */
export function isReviewer(by: unknown): by is Review['by'] {
  return isRecord(by) && ['kind', 'issuer', 'subject', 'label'].every((key) => typeof by[key] === 'string');
}

/** Whether what a lock holds is a class. */
export function isClass(kind: unknown): kind is ToolClass {
  return kind === 'read' || kind === 'write' || kind === 'destructive';
}
