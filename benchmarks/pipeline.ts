import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisServer } from '../local/testing/redis-server';
import { copyComponents, daprRunArguments, freePorts, type Ports, stackFolder } from '../scenarios/stacks/dapr-run';
import { commandLine, descendants, killWithDescendants } from '../scenarios/stacks/processes';
import { ROOT } from '../scenarios/stacks/root';
import type { RunStackOptions } from '../scenarios/stacks/run-stack';
import { SUBSCRIBERS } from '../scenarios/stacks/stack';
import { StreamMonitor } from '../scenarios/stacks/stream-monitor';
import type { Arrivals, SinkPorts, SinkRequest } from './sink';

/** One version of the services that the benchmark compares. */
export interface Style {
  name: string;
  /** The program that accepts follows. If undefined, events are published directly into the sidecar. */
  facade: readonly string[] | undefined;
  subscribers: Record<(typeof SUBSCRIBERS)[number], readonly string[]>;
  env?: Record<string, string>;
}

const START_MS = 30_000;
const SINK = join(__dirname, 'sink.ts');

interface Run {
  appId: string;
  ports: Ports;
  child: ChildProcess;
  ended: Promise<unknown>;
}

/**
 * The processes of one style: a Redis, a sink for mails and push messages, and one `dapr run` for each service. The
 * services write their output to files, as containers do.
 */
export class Pipeline {
  private readonly runs: Run[] = [];
  /** From each `dapr run` until its sidecar is ready. */
  readonly startMs: number[] = [];
  private readonly killOnExit = () => this.killAll();

  private constructor(
    readonly style: Style,
    private readonly dapr: RunStackOptions,
    private readonly folder: string,
    private readonly components: string,
    private readonly redis: RedisServer,
    readonly broker: StreamMonitor,
    private readonly sink: ChildProcess,
    private readonly sinkPorts: SinkPorts,
  ) {
    process.once('exit', this.killOnExit);
  }

  /**
   * Resolves with the pipeline after all sidecars are ready.
   *
   * @throws {Error} with the service's last output, when its sidecar is not ready within half a minute
   */
  static async start(style: Style, dapr: RunStackOptions): Promise<Pipeline> {
    const folder = stackFolder();
    const redis = await RedisServer.start(folder);
    const broker = await StreamMonitor.connect(redis.port);
    const sink = fork(SINK, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const [sinkPorts] = (await once(sink, 'message')) as [SinkPorts];
    const components = copyComponents(folder, redis.port);
    const pipeline = new Pipeline(style, dapr, folder, components, redis, broker, sink, sinkPorts);
    try {
      await pipeline.startRun('api-facade', style.facade);
      await pipeline.scale(1);
    } catch (error) {
      await pipeline.stop();
      throw error;
    }
    return pipeline;
  }

  /** The URL to which follows are posted. */
  get url(): string {
    const { appPort } = this.firstRun('api-facade').ports;
    return this.style.facade ? `http://127.0.0.1:${appPort}/followers` : this.publishUrl;
  }

  /** The URL at which the sidecar of api-facade accepts events. */
  get publishUrl(): string {
    return `http://127.0.0.1:${this.firstRun('api-facade').ports.daprPort}/v1.0/publish/pubsub/followerAdded`;
  }

  /**
   * Starts or stops replicas, so that each subscriber has `replicas` of them. Resolves with whether any was started.
   */
  async scale(replicas: number): Promise<boolean> {
    const runs = SUBSCRIBERS.map((service) => this.runs.filter(({ appId }) => appId === service));
    const surplus = runs.flatMap((ofService) => ofService.slice(replicas));
    for (const run of surplus) {
      run.child.kill('SIGTERM');
      this.runs.splice(this.runs.indexOf(run), 1);
    }
    const missing = Math.max(0, replicas - (runs[0]?.length ?? 0));
    for (let i = 0; i < missing; i += 1) {
      for (const service of SUBSCRIBERS) await this.startRun(service, this.style.subscribers[service]);
    }
    await Promise.all(surplus.map(({ ended }) => ended));
    return missing > 0;
  }

  /** Resolves with the notifications that have arrived since the last call. */
  async arrivals(): Promise<Arrivals> {
    this.ask('arrivals');
    const [arrivals] = (await once(this.sink, 'message')) as [Arrivals];
    return arrivals;
  }

  /** Lets the mail server refuse the first mail about every `every`-th follower for now, and none if `every` is 0. */
  refuseMails(every: number): void {
    this.ask({ refuseEvery: every });
  }

  /** Suspends or resumes the subscribers' sidecars. While they are suspended, published events wait in the broker. */
  holdSubscribers(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const { appId, child } of this.runs) {
      if (appId !== 'api-facade') process.kill(this.sidecarPid(child), signal);
    }
  }

  /** Returns the process ids by name: `redis`, and for each service `NAME` and `NAME's sidecar`. */
  processes(): Map<string, number[]> {
    const found = new Map<string, number[]>([['redis', [this.redis.pid]]]);
    for (const { appId, child } of this.runs) {
      const sidecar = this.sidecarPid(child);
      const app = descendants(child.pid ?? 0).find((pid) => pid !== sidecar && /node /.test(commandLine(pid)));
      const add = (name: string, pid: number) => found.set(name, [...(found.get(name) ?? []), pid]);
      add(`${appId}'s sidecar`, sidecar);
      if (app !== undefined) add(appId, app);
    }
    return found;
  }

  async stop(): Promise<void> {
    for (const { child } of this.runs) child.kill('SIGTERM');
    await Promise.race([Promise.all(this.runs.map(({ ended }) => ended)), sleep(10_000, undefined, { ref: false })]);
    this.killAll();
    process.off('exit', this.killOnExit);
    this.broker.close();
    await this.redis.kill();
    rmSync(this.folder, { recursive: true });
  }

  private ask(request: SinkRequest): void {
    this.sink.send(request);
  }

  private async startRun(appId: string, program: readonly string[] | undefined): Promise<void> {
    const ports = await freePorts();
    const startedAt = performance.now();
    const { components } = this;
    const args = daprRunArguments({ appId, ports, components, program: ['node', ...(program ?? ['-e', IDLE])] });
    const [command = '', ...first] = this.dapr.dapr;
    const file = join(this.folder, `${appId}-${this.runs.length}.log`);
    const log = openSync(file, 'w');
    const child = spawn(command, [...first, ...args], {
      cwd: ROOT,
      env: this.env(),
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    let failure = '';
    child.once('error', ({ message }) => {
      failure = message;
    });
    this.runs.push({ appId, ports, child, ended: once(child, 'close').catch(() => {}) });
    // The sidecar reports that it is healthy after it has read the app's subscriptions.
    for (const deadline = Date.now() + START_MS; ; await sleep(10)) {
      const answer = await fetch(`http://127.0.0.1:${ports.daprPort}/v1.0/healthz`).catch(() => undefined);
      if (answer?.ok) return void this.startMs.push(performance.now() - startedAt);
      if (Date.now() < deadline && child.exitCode === null && !failure) continue;
      throw new Error(`${appId} is not ready: ${failure}\n${readFileSync(file, 'utf8').slice(-2_000)}`);
    }
  }

  private env(): NodeJS.ProcessEnv {
    const { smtpPort, pushPort } = this.sinkPorts;
    return {
      ...process.env,
      NODE_ENV: 'production',
      SMTP_URL: `smtp://127.0.0.1:${smtpPort}`,
      PUSH_URL: `http://127.0.0.1:${pushPort}`,
      DAPR_LOCAL_DIRECTORY: join(this.folder, 'sidecars'),
      ...this.style.env,
    };
  }

  private firstRun(appId: string): Run {
    const run = this.runs.find((candidate) => candidate.appId === appId);
    if (!run) throw new Error(`${appId} does not run`);
    return run;
  }

  private sidecarPid(child: ChildProcess): number {
    const pid = child.pid ?? 0;
    return this.dapr.separateDaprd ? (descendants(pid).find((id) => /daprd /.test(commandLine(id))) ?? pid) : pid;
  }

  private killAll(): void {
    for (const { child } of this.runs) killWithDescendants(child.pid);
    this.sink.kill('SIGKILL');
  }
}

/** Replaces api-facade where events are published directly into its sidecar. */
const IDLE = "require('node:http').createServer((_, res) => res.end()).listen(process.env.APP_PORT, '127.0.0.1')";
