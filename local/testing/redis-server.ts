import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port';

const START_MS = 10_000;

/** Returns whether redis-server is installed. */
export function hasRedisServer(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A Redis server for one test, on a free port. */
export class RedisServer {
  private process: ChildProcess | undefined;
  private readonly killOnExit = () => this.process?.kill('SIGKILL');

  private constructor(
    readonly port: number,
    private readonly folder: string | undefined,
  ) {}

  /**
   * Resolves with a running server.
   *
   * @param folder the folder for the data, which then survives a kill. Without it, the server is empty after each
   * start.
   */
  static async start(folder?: string): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), folder);
    await server.start();
    return server;
  }

  /** The process id. @throws {Error} when the server does not run */
  get pid(): number {
    if (this.process?.pid === undefined) throw new Error('redis-server does not run');
    return this.process.pid;
  }

  get isRunning(): boolean {
    return this.process !== undefined;
  }

  /** Starts the server unless it runs. @throws {Error} when it does not answer within ten seconds */
  async start(): Promise<void> {
    if (this.process) return;
    const { folder } = this;
    // As in docker-compose.yml, Redis answers a write only after it is on disk, and stores marks in few bytes.
    const kept = ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', folder ?? ''];
    const storage = folder === undefined ? ['--appendonly', 'no'] : kept;
    const memory = ['--maxmemory-policy', 'noeviction', '--hash-max-listpack-value', '128'];
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', ...memory, ...storage];
    this.process = spawn('redis-server', args, { stdio: 'ignore' });
    process.once('exit', this.killOnExit);
    for (const deadline = Date.now() + START_MS; !(await accepts(this.port)); ) {
      if (Date.now() > deadline) throw new Error(`redis-server does not answer on port ${this.port}`);
      await sleep(10);
    }
  }

  /** Kills the server, like a crash. */
  async kill(): Promise<void> {
    const { process: running } = this;
    this.process = undefined;
    process.off('exit', this.killOnExit);
    if (!running || running.exitCode !== null) return;
    const exited = once(running, 'exit');
    running.kill('SIGKILL');
    await exited;
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.end(() => resolve(true)));
    socket.once('error', () => resolve(false));
  });
}
