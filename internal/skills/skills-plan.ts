/** What was read of folders of skills, and what is to be done with it. */
import type { ChosenFolder } from './choose-folders.ts';
import type { ReadFolders, Skill } from './folder/read.ts';
import type { SkillsLock } from './lock.ts';
import type { Change, Choices } from './plan.ts';
import type { LatestVersions, Survey } from './survey.ts';

/** A folder of skills and the lock that belongs to it. */
export interface SkillsFolder extends ChosenFolder {
  lockFile: string;
}

/** What was read on this machine. */
export interface LocalSkills {
  parts: readonly LocalPart[];
  problems: ReadFolders['problems'];
}

export interface LocalPart extends SkillsFolder {
  /** The valid ones. */
  skills: readonly Skill[];
  /** Names of skills that are there and cannot be pushed. */
  invalid: ReadonlySet<string>;
  lock: SkillsLock;
}

/** What is to be done, folder by folder. */
export interface SkillsPlan {
  parts: readonly PlannedPart[];
  latestVersions: LatestVersions;
  choices: Choices;
}

export interface PlannedPart extends SkillsFolder {
  lock: SkillsLock;
  invalid: ReadonlySet<string>;
  changes: readonly Change[];
  contents: Survey['contents'];
}
