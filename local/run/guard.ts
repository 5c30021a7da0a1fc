import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Stops the apps if this process is killed, for example by SIGKILL. The guard is a shell that reads the process ids of
 * the apps from a pipe. The pipe closes when this process ends. There is no guard on Windows, which has no process
 * groups.
 */
export class Guard {
  private shell: ChildProcess | undefined;

  watch(pid: number | undefined): void {
    if (pid === undefined || process.platform === 'win32') return;
    this.shell ??= startShell();
    this.shell.stdin?.write(`${pid}\n`);
  }

  /** Ends the guard. Call it when all apps have ended. */
  dismiss(): void {
    this.shell?.kill('SIGKILL');
  }
}

function startShell(): ChildProcess {
  const script = 'while read -r pid; do groups="$groups -$pid"; done; [ -z "$groups" ] || kill -s TERM -- $groups';
  const shell = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  shell.on('error', () => {});
  shell.stdin?.on('error', () => {});
  shell.unref();
  return shell;
}
