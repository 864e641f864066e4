import type { Clock } from '../clock.ts';
import type { AgentRecord } from './agent-definition.ts';
import { Collection } from './collection.ts';
import type { EnvironmentRecord } from './environment.ts';
import { newId } from './identifier.ts';
import type { SessionRecord } from './session-record.ts';
import type { SkillRecord } from './skill.ts';
import type { PlayTurn } from './turn.ts';
import type { VaultRecord } from './vault.ts';

/** What the workspaces of one platform share. */
export interface WorkspaceSettings {
  clock: Clock;
  playTurn: PlayTurn;
  /** How long a session's stored status lags behind its idle event. */
  idleLagMs: number;
}

/** Documented: the workspace is the boundary; what lies in another one does not exist. */
export class Workspace {
  readonly id: string;
  readonly clock: Clock;
  readonly playTurn: PlayTurn;
  readonly idleLagMs: number;
  readonly vaults = new Collection<VaultRecord>();
  readonly agents = new Collection<AgentRecord>();
  readonly environments = new Collection<EnvironmentRecord>();
  readonly sessions = new Collection<SessionRecord>();
  readonly skills = new Collection<SkillRecord>();

  constructor(settings: WorkspaceSettings, id = newId('wrkspc')) {
    this.id = id;
    this.clock = settings.clock;
    this.playTurn = settings.playTurn;
    this.idleLagMs = settings.idleLagMs;
  }
}
