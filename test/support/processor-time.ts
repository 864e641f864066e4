/**
 * Milliseconds of processor time that this process has taken. What holds for a machine that is busy with something else is
 * measured in these: how long others take is nothing that a test can hold us to.
 */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
