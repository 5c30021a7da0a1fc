import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

// On Windows there are no process groups to address, and a detached child would open a window.
const GROUPS = process.platform !== 'win32';

/** Longer than the 9 s that the services take at most for their own stop. */
const KILL_AFTER_MS = 10_000;
const LOOK_EVERY_MS = 50;

export interface AppProcessOptions {
  name: string;
  command: readonly string[];
  directory: string;
  env: NodeJS.ProcessEnv;
  /** Called with each line the app writes. None: the app writes to this process's own output. */
  onLine?: (line: string) => void;
}

/** How a process ended: `exit code 1`, `signal SIGKILL`, or why it could not be started. */
export interface Ending {
  ok: boolean;
  how: string;
}

/** A child process in a group of its own, so that a Ctrl-C on the terminal reaches it only through us, in order. */
export class AppProcess {
  readonly name: string;
  /** Resolves when the process has ended, and what it started. */
  readonly ended: Promise<Ending>;
  private readonly child: ChildProcess;
  private isGone = false;
  private isAsked = false;

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
      this.isGone = true;
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Asks the process to stop, and ends it and what it started when it does not within 10 s. */
  async stop(): Promise<Ending> {
    this.isAsked = true;
    this.child.kill('SIGTERM');
    const done = new AbortController();
    const late = sleep(KILL_AFTER_MS, 'late', { signal: done.signal }).catch(() => 'ended');
    const first = await Promise.race([this.ended, late]);
    done.abort();
    if (first === 'late') this.kill();
    return this.ended;
  }

  /** Ends the process, and what it started, at once. */
  kill(): void {
    this.signal('SIGKILL');
  }

  /**
   * Ends what the process left behind. `npm start` is one that does: it runs a shell, and a shell that is asked to stop
   * goes without telling the program that it waits for.
   */
  private async endOthers(): Promise<void> {
    if (!GROUPS || !this.signal('SIGTERM')) return;
    const deadline = Date.now() + KILL_AFTER_MS;
    while (this.signal(0)) {
      if (Date.now() >= deadline) return this.kill();
      await sleep(LOOK_EVERY_MS);
    }
  }

  private async ending(): Promise<Ending> {
    try {
      // 'close' and not 'exit': by then everything it wrote has been read.
      const [code, signal] = await once(this.child, 'close');
      // A program that does not listen for SIGTERM ends of it, and that is what it was asked for.
      const ok = code === 0 || (this.isAsked && signal === 'SIGTERM');
      return { ok, how: signal ? `signal ${signal}` : `exit code ${code}` };
    } catch (error) {
      return { ok: false, how: (error as Error).message };
    }
  }

  /** Whether there was a process to send it to. */
  private signal(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this.child;
    if (this.isGone || pid === undefined) return false;
    try {
      return process.kill(GROUPS ? -pid : pid, signal);
    } catch {
      return false; // it has just ended by itself
    }
  }
}

function eachLine(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream) createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine);
}
