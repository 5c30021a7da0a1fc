import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

// Windows has no process groups, and a detached child would open a window there.
const GROUPS = process.platform !== 'win32';

/** Longer than the 9 s that a service may take to stop. */
const KILL_AFTER_MS = 10_000;
const POLL_MS = 50;

export interface AppProcessOptions {
  name: string;
  command: readonly string[];
  directory: string;
  env: NodeJS.ProcessEnv;
  /** Called with each line of the app's output. Without it, the app inherits the output of this process. */
  onLine?: (line: string) => void;
}

/** The end of a process. `reason` is `exit code 1`, `signal SIGKILL` or the reason why the process did not start. */
export interface Ending {
  ok: boolean;
  reason: string;
}

/**
 * A child process in its own process group. A Ctrl-C therefore does not reach it directly, and we stop apps in order.
 */
export class AppProcess {
  readonly name: string;
  /** Resolves when the process and its descendants have ended. */
  readonly ended: Promise<Ending>;
  private readonly child: ChildProcess;
  private hasEnded = false;
  private isStopping = false;

  constructor({ name, command: [program = '', ...args], directory, env, onLine }: AppProcessOptions) {
    this.name = name;
    this.child = spawn(program, args, {
      cwd: directory,
      env,
      detached: GROUPS,
      stdio: ['ignore', onLine ? 'pipe' : 'inherit', onLine ? 'pipe' : 'inherit'],
    });
    if (onLine) for (const stream of [this.child.stdout, this.child.stderr]) eachLine(stream, onLine);
    let others = Promise.resolve();
    this.child.once('exit', () => {
      others = this.endOthers();
    });
    this.ended = this.ending().finally(async () => {
      await others;
      this.hasEnded = true;
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Sends SIGTERM. After 10 s, it kills the process and its descendants. Resolves when they have ended. */
  async stop(): Promise<Ending> {
    this.isStopping = true;
    this.child.kill('SIGTERM');
    const done = new AbortController();
    const late = sleep(KILL_AFTER_MS, 'late', { signal: done.signal }).catch(() => 'ended');
    const first = await Promise.race([this.ended, late]);
    done.abort();
    if (first === 'late') this.kill();
    return this.ended;
  }

  /** Kills the process and its descendants. */
  kill(): void {
    this.signal('SIGKILL');
  }

  /**
   * Stops the descendants of a process that has exited. For example, `npm start` runs a shell, and the shell exits on
   * SIGTERM without a signal to its program.
   */
  private async endOthers(): Promise<void> {
    if (!GROUPS || !this.signal('SIGTERM')) return;
    const deadline = Date.now() + KILL_AFTER_MS;
    while (this.signal(0)) {
      if (Date.now() >= deadline) return this.kill();
      await sleep(POLL_MS);
    }
  }

  private async ending(): Promise<Ending> {
    try {
      // Unlike 'exit', 'close' comes after the complete output.
      const [code, signal] = await once(this.child, 'close');
      // A program without a SIGTERM handler ends by the signal, which is normal after `stop`.
      const ok = code === 0 || (this.isStopping && signal === 'SIGTERM');
      return { ok, reason: signal ? `signal ${signal}` : `exit code ${code}` };
    } catch (error) {
      return { ok: false, reason: (error as Error).message };
    }
  }

  /** Sends a signal to the process group. Returns whether a process received it. */
  private signal(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this.child;
    if (this.hasEnded || pid === undefined) return false;
    try {
      return process.kill(GROUPS ? -pid : pid, signal);
    } catch {
      return false; // the process has just ended
    }
  }
}

function eachLine(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream) createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine);
}
