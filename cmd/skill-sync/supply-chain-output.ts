/** What `skill-sync verify` and `skill-sync pull` print. */
import type { CommandResult } from '../../internal/cli/program.ts';
import type { PulledSkill } from '../../internal/skills/pull.ts';
import type { VerifiedSkill } from '../../internal/skills/verify.ts';
import { visible } from '../../internal/text/quote.ts';

/** Versions that are all intact. */
export function showVerified(verified: readonly VerifiedSkill[]): CommandResult {
  const rows = verified.map(({ name, locked, outcome }) => [name, locked.versionId, outcome].map(visible));
  return {
    text: [{ heading: ['skill', 'version', 'outcome'], rows }],
    json: {
      skills: verified.map(({ folder, name, locked, outcome }) => ({
        name,
        folder,
        outcome,
        skill_id: locked.skillId,
        version_id: locked.versionId,
        sha256: locked.sha256,
      })),
    },
  };
}

/** What the folders hold now, or would. */
export function showPulled(folder: string, pulled: readonly PulledSkill[], dryRun: boolean): CommandResult {
  const rows = pulled.map(({ name, change, version }) =>
    [name, dryRun && change === 'pulled' ? 'would be pulled' : change, version.versionId].map(visible),
  );
  return {
    text: [{ heading: ['skill', 'change', 'version'], rows }],
    json: {
      skills: pulled.map(({ name, change, version, newInLock }) => ({
        name,
        folder,
        change,
        applied: change === 'pulled' && !dryRun,
        skill_id: version.skillId,
        version_id: version.versionId,
        sha256: version.sha256,
        new_in_lock: newInLock,
      })),
    },
  };
}
