import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../local/testing/free-port';
import { RedisServer } from '../../local/testing/redis-server';
import { copyComponents, daprRunArguments, freePorts, type Ports, stackFolder } from './dapr-run';
import { InboxClient } from './inbox-client';
import { readLines } from './log-lines';
import { publishThrough } from './post-follow';
import { commandLine, descendants, kill, killWithDescendants } from './processes';
import { ROOT } from './root';
import { type CommandResult, startCommand } from './run-command';
import { type LogLine, SERVICES, type Service, type Stack } from './stack';
import { StreamMonitor } from './stream-monitor';

export interface RunStackOptions {
  name: string;
  /** `dapr`, or what is used in its place: the program that knows `run`, with its first arguments. */
  dapr: readonly string[];
  /** Whether daprd is a process of its own, which is stopped first, as the entry script of the containers does. */
  separateDaprd: boolean;
  /** In place of what components/redis/pubsub.yaml says, for a test that cannot wait so long for what was killed. */
  processingTimeoutMs?: number;
  /** For the services. */
  env?: Record<string, string>;
}

const READY_MS = 30_000;
const STOP_MS = 20_000;
const REPLAY_MS = 120_000;

/**
 * The sample as its containers run it, without containers: Redis, an inbox, and for each service one `dapr run` that
 * has the service and its sidecar below it. What dies stays dead until the scenario starts it again.
 */
export async function startRunStack(options: RunStackOptions): Promise<RunStack> {
  const folder = stackFolder();
  const redis = await RedisServer.start(folder);
  const components = copyComponents(folder, redis.port, options.processingTimeoutMs);
  const ports = { mail: await freePort(), smtp: await freePort(), push: await freePort() };
  const stack = new RunStack(options, folder, components, redis, await StreamMonitor.connect(redis.port), ports);
  try {
    await stack.startInbox();
    await Promise.all(SERVICES.map((service) => stack.start(service)));
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

interface Member extends Ports {
  run: ChildProcess;
  ended: Promise<number | null>;
}

export class RunStack implements Stack {
  readonly log: LogLine[] = [];
  readonly output: string[] = [];
  readonly ended = new Promise<number | null>(() => {});
  readonly inbox: InboxClient;
  private readonly members = new Map<Service, Member>();
  private inboxProcess: ChildProcess | undefined;
  private readonly replays = new Set<ChildProcess>();
  private readonly killWithUs = () => this.killAll();

  constructor(
    private readonly options: RunStackOptions,
    private readonly folder: string,
    private readonly components: string,
    readonly redis: RedisServer,
    private readonly broker: StreamMonitor,
    private readonly ports: { mail: number; smtp: number; push: number },
  ) {
    this.inbox = new InboxClient(`http://127.0.0.1:${ports.mail}`, `http://127.0.0.1:${ports.push}`);
    process.once('exit', this.killWithUs);
  }

  get name(): string {
    return this.options.name;
  }

  get facadeUrl(): string {
    return `http://127.0.0.1:${this.member('api-facade').appPort}`;
  }

  idle = (withinMs: number): Promise<number> => this.broker.idle(withinMs);

  /** What a service's sidecar counts, in Prometheus' text format. */
  async metrics(service: Service): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.member(service).metricsPort}/metrics`)).text();
  }

  publishPast(eventId: string, data: object): Promise<void> {
    return publishThrough(`http://127.0.0.1:${this.member('api-facade').daprPort}`, eventId, data);
  }

  async startInbox(): Promise<void> {
    const { mail, smtp, push } = this.ports;
    const args = ['--mail-port', mail, '--smtp-port', smtp, '--push-port', push].map(String);
    this.inboxProcess = spawn(process.execPath, ['dist/local/inbox/main.js', ...args], { cwd: ROOT, stdio: 'ignore' });
    await this.inbox.ready();
  }

  /** Starts a service that does not run, on the ports it had before, and waits until it is ready. */
  async start(service: Service): Promise<void> {
    const ports = this.members.get(service) ?? (await freePorts());
    const [program = '', ...args] = this.command(service, ports, [`dist/${service}/main.js`]);
    const run = spawn(program, args, { cwd: ROOT, env: this.env(), detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [run.stdout, run.stderr]) readLines(stream, this.log, this.output);
    const ended = once(run, 'close').then(
      ([code]) => code as number | null,
      () => null, // it could not even be started
    );
    this.members.set(service, { ...ports, run, ended });
    for (const deadline = Date.now() + READY_MS; ; await sleep(20)) {
      const answer = await fetch(`http://127.0.0.1:${ports.appPort}/readyz`).catch(() => undefined);
      if (answer?.ok) return;
      if (Date.now() < deadline && run.exitCode === null) continue;
      throw new Error(`${service} is not ready:\n${this.output.slice(-20).join('\n')}\n${await answer?.text()}`);
    }
  }

  /** Whether the `dapr run` of a service has not ended. */
  isRunning(service: Service): boolean {
    const { run } = this.member(service);
    return run.exitCode === null && run.signalCode === null;
  }

  freeze(service: Service): void {
    process.kill(this.appPid(service), 'SIGSTOP');
  }

  thaw(service: Service): void {
    process.kill(this.appPid(service), 'SIGCONT');
  }

  /** Ends the service alone, upon which `dapr run` ends the sidecar and itself. */
  kill(service: Service): void {
    process.kill(this.appPid(service), 'SIGKILL');
  }

  /** The same, and waits until the sidecar has ended, too. */
  async killApp(service: Service): Promise<void> {
    this.kill(service);
    await this.member(service).ended;
  }

  /** Ends the service, its sidecar and `dapr run` all at once, as the end of a container does. */
  async killWhole(service: Service): Promise<void> {
    const { run, ended } = this.member(service);
    killWithDescendants(run.pid);
    await ended;
  }

  /** Ends the sidecar alone; where that is one process with `dapr run`, it, and the service after it. */
  async killSidecar(service: Service): Promise<void> {
    const { run, ended } = this.member(service);
    kill(this.daprdPid(service) ?? run.pid ?? 0);
    await ended;
  }

  async replay(service: Service, ...flags: string[]): Promise<CommandResult> {
    const [command = '', ...args] = this.command(`${service}-replay`, await freePorts(), [
      'dist/replay/main.js',
      service,
      ...flags,
    ]);
    const { child, result } = startCommand(command, args, { cwd: ROOT, env: this.env(), timeout: REPLAY_MS });
    this.replays.add(child);
    return result.finally(() => this.replays.delete(child));
  }

  /** What `docker compose stop` does. Resolves with 0 when everything ended with 0. */
  async stop(): Promise<number | null> {
    const codes = await Promise.all(
      [...this.members].map(async ([service, { run, ended }]) => {
        if (!this.isRunning(service)) return 0;
        process.kill(this.daprdPid(service) ?? run.pid ?? 0, 'SIGTERM');
        const timer = setTimeout(() => void this.killWhole(service), STOP_MS);
        const code = await ended;
        clearTimeout(timer);
        return code;
      }),
    );
    process.off('exit', this.killWithUs);
    this.killAll();
    this.broker.close();
    await this.redis.kill();
    rmSync(this.folder, { recursive: true });
    return codes.find((code) => code !== 0) ?? 0;
  }

  private command(appId: string, ports: Ports, script: string[]): string[] {
    const run = { appId, ports, components: this.components, program: ['node', ...script] };
    return [...this.options.dapr, ...daprRunArguments(run)];
  }

  private env(): NodeJS.ProcessEnv {
    const { smtp, push } = this.ports;
    return {
      ...process.env,
      LOG_FORMAT: 'json',
      SMTP_URL: `smtp://127.0.0.1:${smtp}`,
      PUSH_URL: `http://127.0.0.1:${push}`,
      DAPR_LOCAL_DIRECTORY: join(this.folder, 'sidecars'),
      ...this.options.env,
    };
  }

  private member(service: Service): Member {
    const member = this.members.get(service);
    if (!member) throw new Error(`${service} was never started`);
    return member;
  }

  private appPid(service: Service): number {
    const pid = this.pids(service).find((id) => /^\S*node dist\//.test(commandLine(id)));
    if (pid === undefined) throw new Error(`${service} does not run`);
    return pid;
  }

  private daprdPid(service: Service): number | undefined {
    if (!this.options.separateDaprd) return undefined;
    return this.pids(service).find((id) => /^\S*daprd /.test(commandLine(id)));
  }

  private pids = (service: Service): number[] => descendants(this.member(service).run.pid ?? 0);

  private killAll(): void {
    for (const run of [...[...this.members.values()].map((member) => member.run), ...this.replays]) {
      if (run.exitCode === null) killWithDescendants(run.pid);
    }
    this.inboxProcess?.kill('SIGKILL');
  }
}
