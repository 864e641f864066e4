// Loaded before the measured program (`node --require`): writes what the process used to file descriptor 3 when it ends.
// Not with `--import`: that has Node start its ESM loader and read a CommonJS program for its exports, which no user's run does.
const { readFileSync, writeSync } = require('node:fs');

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const own = { cpuMs: (userCPUTime + systemCPUTime) / 1000, peakMiB: maxRSS / 1024 };
  writeSync(3, JSON.stringify({ ...own, childrenMs: ofChildren() }));
});

/** What the processes used that this one started, ended or not: in ticks of 10 ms, and where Linux counts them. */
function ofChildren() {
  try {
    const living = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean);
    const [, , ofEnded, ofTheirs] = ticks('self');
    return (
      10 * living.map((child) => ticks(child)).reduce((sum, [user, system]) => sum + user + system, ofEnded + ofTheirs)
    );
  } catch {
    return 0;
  }
}

/** What a process used by itself, in user and kernel mode, and its ended children. */
function ticks(pid) {
  // proc_pid_stat(5): the name of the program may have blanks and parentheses in it.
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '');
  return text.split(' ').slice(11, 15).map(Number);
}
