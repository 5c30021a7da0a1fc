import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Process ids by the name of the service, the sidecar or Redis. A service with replicas has several. */
export type Processes = ReadonlyMap<string, readonly number[]>;

/** Returns the memory of each entry, in megabytes (resident set size). */
export function memoryMb(processes: Processes): Record<string, number> {
  const list = [...processes.values()].flat().join(',');
  const lines = execFileSync('ps', ['-o', 'pid=,rss=', '-p', list], { encoding: 'utf8' }).trim().split('\n');
  const kilobytes = new Map(lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]));
  return sumByName(processes, (pid) => (kilobytes.get(pid) ?? 0) / 1_024);
}

/** Returns the processor time that each entry has used since its start, in milliseconds. Empty except on Linux. */
export function cpuMs(processes: Processes): Record<string, number> {
  if (process.platform !== 'linux') return {};
  return sumByName(processes, (pid) => {
    // man 5 proc: the program's name is in parentheses. Of the fields after it, [11] is the user time and [12] the
    // system time, in ticks of 10 ms.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  });
}

const sumByName = (processes: Processes, valueFor: (pid: number) => number): Record<string, number> =>
  Object.fromEntries([...processes].map(([name, pids]) => [name, pids.reduce((sum, pid) => sum + valueFor(pid), 0)]));
