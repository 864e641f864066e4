// Loaded before the measured program (`node --require`): writes what the process used to file descriptor 3 when it ends.
// Not with `--import`: that has Node start its ESM loader and read a CommonJS program for its exports, which no user's run does.
const { writeSync } = require('node:fs');

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  writeSync(3, JSON.stringify({ cpuMs: (userCPUTime + systemCPUTime) / 1000, peakMiB: maxRSS / 1024 }));
});
