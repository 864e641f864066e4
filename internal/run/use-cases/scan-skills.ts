import { formatFinding } from '../../skills/scan/finding.ts';
import { scanFolders } from '../../skills/scan/scan-folders.ts';
import { configurationIfAny, foldersOf } from '../meant-skills.ts';
import type { Ports } from '../ports.ts';
import { findingValue, reported } from '../reported.ts';
import type { ScannedSkills, ScanRequest } from '../values/skills.ts';

/** Scans folders of skills. Nothing is asked of the platform. Throws `scan_refused` where a finding is an error. */
export async function scanSkills(request: ScanRequest, ports: Ports): Promise<ScannedSkills> {
  return await reported(
    ports,
    request,
    async (report) => {
      const configuration = await configurationIfAny(ports, { workspace: 'any' });
      const folders = await foldersOf(ports, configuration, request);
      const { tell, signal } = ports;
      const waiting = tell.wait('looking through the skills');
      const { skills, suppressed } = await scanFolders(
        { folders, configuration, signal, say: tell.note, progress: waiting.at },
        report,
      ).finally(() => waiting.done());
      const { findings } = report;
      const beside = { lines: findings.map(formatFinding) };
      return { result: { findings: findings.map(findingValue), suppressed, skills, beside }, exit: 0 };
    },
    { resultHasFindings: true },
  );
}
