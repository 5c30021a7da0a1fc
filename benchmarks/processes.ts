import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Processes by what they are; several where a service has replicas. */
export type Processes = ReadonlyMap<string, readonly number[]>;

/** How much memory each holds, in megabytes (resident set). */
export function memoryMb(processes: Processes): Record<string, number> {
  const list = [...processes.values()].flat().join(',');
  const lines = execFileSync('ps', ['-o', 'pid=,rss=', '-p', list], { encoding: 'utf8' }).trim().split('\n');
  const kilobytes = new Map(lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]));
  return sums(processes, (pid) => (kilobytes.get(pid) ?? 0) / 1_024);
}

/** How much processor time each has used so far, in milliseconds. Linux tells it; empty elsewhere. */
export function cpuMs(processes: Processes): Record<string, number> {
  if (process.platform !== 'linux') return {};
  return sums(processes, (pid) => {
    // The fields after the program's name, which is in parentheses: man 5 proc. User and system time in ticks of 10 ms.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  });
}

const sums = (processes: Processes, of: (pid: number) => number): Record<string, number> =>
  Object.fromEntries([...processes].map(([name, pids]) => [name, pids.reduce((sum, pid) => sum + of(pid), 0)]));
