import { readdirSync, readFileSync } from 'node:fs';

/** Returns whether a process with this id still runs. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Returns the running descendants of a process. Linux lists the children of each thread in /proc. */
export function descendants(pid: number): number[] {
  const children = threads(pid).flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`).split(' '));
  return children
    .filter(Boolean)
    .map(Number)
    .flatMap((child) => [child, ...descendants(child)]);
}

/** Kills a process with SIGKILL. Does nothing if the process has already ended. */
export function kill(pid: number | undefined): void {
  if (!pid) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // the process has already ended
  }
}

/** Kills a process and its descendants. The process dies first, so that it cannot react to the end of the others. */
export function killWithDescendants(pid: number | undefined): void {
  for (const each of [pid, ...descendants(pid ?? 0)]) kill(each);
}

function threads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // the process has ended
  }
}

/** Returns the command line of a process; an empty string if the process has ended. */
export const commandLine = (pid: number): string => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
