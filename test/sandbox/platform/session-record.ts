import { notFound } from './api-error.ts';
import type { Session } from './session.ts';
import type { TurnLoop } from './turn-loop.ts';
import type { Workspace } from './workspace.ts';

/** A stored session and what makes it run. */
export interface SessionRecord {
  readonly id: string;
  readonly session: Session;
  readonly loop: TurnLoop;
}

/** Finds a session of the workspace, or throws the documented error. */
export function findSession(workspace: Workspace, id: string): SessionRecord {
  const record = workspace.sessions.find(id);
  if (record === undefined) throw notFound('session', id);
  return record;
}
