import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ports } from './dapr-run';
import { readLogLines } from './log-lines';
import { commandLine, descendants, kill, killWithDescendants } from './processes';
import { ROOT } from './root';
import type { LogLine, Service } from './stack';

export interface RunningServiceOptions {
  service: Service;
  ports: Ports;
  /** `dapr run` or its replacement, with all arguments. */
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Whether daprd is a separate process below `dapr run`. */
  separateDaprd: boolean;
  /** Receives the lines that the service logs. */
  log: LogLine[];
  /** Receives all other printed lines. */
  output: string[];
}

const READY_MS = 30_000;
const STOP_MS = 50_000;

/** A `dapr run` process, with a service and its sidecar below it. The constructor starts it. */
export class RunningService {
  readonly ports: Ports;
  /** Resolves with the exit code when `dapr run` has ended; with null after a signal or a failed start. */
  readonly ended: Promise<number | null>;
  private readonly run: ChildProcess;

  constructor(private readonly options: RunningServiceOptions) {
    const { ports, command, env, log, output } = options;
    const [program = '', ...args] = command;
    this.ports = ports;
    this.run = spawn(program, args, { cwd: ROOT, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.run.stdout, this.run.stderr]) readLogLines(stream, log, output);
    this.ended = once(this.run, 'close').then(
      ([code]) => code as number | null,
      () => null, // the program could not be started
    );
  }

  /**
   * Resolves when the service is ready.
   *
   * @throws {Error} with the last printed lines when the service has ended, or is not ready in time
   */
  async ready(): Promise<void> {
    const { service, output } = this.options;
    for (const deadline = Date.now() + READY_MS; ; await sleep(20)) {
      const answer = await fetch(`http://127.0.0.1:${this.ports.appPort}/readyz`).catch(() => undefined);
      if (answer?.ok) return;
      if (Date.now() < deadline && this.run.exitCode === null) continue;
      throw new Error(`${service} is not ready:\n${output.slice(-20).join('\n')}\n${await answer?.text()}`);
    }
  }

  /** Sends a signal to the service. After a SIGKILL, `dapr run` stops the sidecar and ends. */
  signal(signal: NodeJS.Signals): void {
    process.kill(this.servicePid(), signal);
  }

  /** Kills the service, its sidecar and `dapr run` at once, as the end of a container does. */
  async killServiceAndSidecar(): Promise<void> {
    killWithDescendants(this.run.pid);
    await this.ended;
  }

  /** Kills the sidecar and waits until the service has ended, too. In local/, the sidecar is part of `dapr run`. */
  async killSidecar(): Promise<void> {
    kill(this.sidecarPid());
    await this.ended;
  }

  /** Kills all processes if they still run, and does not wait. */
  killNow(): void {
    if (this.isRunning()) killWithDescendants(this.run.pid);
  }

  /**
   * Stops the sidecar first, as container/entrypoint.sh does. Kills all processes if they have not ended after 50 s.
   * Resolves with the exit code of `dapr run`.
   */
  async stop(): Promise<number | null> {
    if (!this.isRunning()) return 0;
    process.kill(this.sidecarPid(), 'SIGTERM');
    const timer = setTimeout(() => void this.killServiceAndSidecar(), STOP_MS);
    const code = await this.ended;
    clearTimeout(timer);
    return code;
  }

  private isRunning(): boolean {
    return this.run.exitCode === null && this.run.signalCode === null;
  }

  private servicePid(): number {
    const pid = this.childPid(/^\S*node dist\//);
    if (pid === undefined) throw new Error(`${this.options.service} does not run`);
    return pid;
  }

  /** Returns the process of daprd; that of `dapr run` if daprd is not a separate process. */
  private sidecarPid(): number {
    const pid = this.options.separateDaprd ? this.childPid(/^\S*daprd /) : undefined;
    return pid ?? this.run.pid ?? 0;
  }

  private childPid(command: RegExp): number | undefined {
    return descendants(this.run.pid ?? 0).find((pid) => command.test(commandLine(pid)));
  }
}
