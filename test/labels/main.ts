/** `npm run scan:labels`: how right the scan is about the labelled lines; the lines that it is wrong about go to stderr. */
import { isFound, labelledLines, measuredTable } from './measure.ts';

process.stdout.write(await measuredTable());
for (const line of await labelledLines()) {
  if ((await isFound(line)) === line.isTrue) continue;
  const half = line.isHeldOut ? 'held out' : 'tuned with';
  process.stderr.write(
    `${line.isTrue ? 'missed' : 'falsely found'} (${line.rule}, ${half}): ${JSON.stringify(line.text)}\n`,
  );
}
