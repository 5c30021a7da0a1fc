import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Ends the apps if this process is killed in a way it cannot answer, SIGKILL for one. The guard is a shell that reads
 * our process ids from a pipe; the pipe closes when we are gone, however we went. Not on Windows, which has no groups.
 */
export class Guard {
  private readonly shell: ChildProcess | undefined;

  constructor() {
    if (process.platform === 'win32') return;
    const script = 'while read -r pid; do groups="$groups -$pid"; done; [ -z "$groups" ] || kill -s TERM -- $groups';
    this.shell = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.shell.on('error', () => {});
    this.shell.stdin?.on('error', () => {});
    this.shell.unref();
  }

  watch(pid: number | undefined): void {
    if (pid !== undefined) this.shell?.stdin?.write(`${pid}\n`);
  }

  /** Everything it watched has ended. */
  dismiss(): void {
    this.shell?.kill('SIGKILL');
  }
}
