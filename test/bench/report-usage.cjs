// Loaded before the measured program (`node --require`): writes what the process used to file descriptor 3 when it ends.
// Not with `--import`: that has Node start its ESM loader and read a CommonJS program for its exports, which no user's run does.
const { readFileSync, writeSync } = require('node:fs');

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const own = { cpuMs: (userCPUTime + systemCPUTime) / 1000, peakMiB: maxRSS / 1024 };
  writeSync(3, JSON.stringify({ ...own, childrenMs: ofChildren() }));
});

/** What the processes used that this one started and that have ended: in ticks of 10 ms, and where Linux counts them. */
function ofChildren() {
  try {
    // proc_pid_stat(5): the name of the program may have blanks and parentheses in it.
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return 10 * (Number(fields[13]) + Number(fields[14]));
  } catch {
    return 0;
  }
}
