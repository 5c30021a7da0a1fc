import { readdirSync, readFileSync } from 'node:fs';

/** Whether a process with this id still runs. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The processes that were started below one, as far as they still run. Linux tells it in /proc, thread by thread. */
export function descendants(pid: number): number[] {
  const children = threads(pid).flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`).split(' '));
  return children
    .filter(Boolean)
    .map(Number)
    .flatMap((child) => [child, ...descendants(child)]);
}

/** Ends a process that may have ended by itself. */
export function kill(pid: number | undefined): void {
  if (!pid) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has just ended
  }
}

/** Ends a process, and what was started below it; the process first, so that it does not see the others end. */
export function killWithDescendants(pid: number | undefined): void {
  for (const each of [pid, ...descendants(pid ?? 0)]) kill(each);
}

function threads(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // it has ended
  }
}

/** The program and arguments of a process; empty when it has ended. */
export const commandLine = (pid: number): string => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
