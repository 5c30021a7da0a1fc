import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../local/testing/free-port';
import { RedisServer } from '../../local/testing/redis-server';
import { copyComponents, daprdOfContainer, daprRunArguments, freePorts, type Ports, stackFolder } from './dapr-run';
import { InboxClient } from './inbox-client';
import { killWithDescendants } from './processes';
import { publishToSidecar } from './publish-to-sidecar';
import { ROOT } from './root';
import { RunningService } from './running-service';
import { type CommandResult, startCommand } from './shell-command';
import { type LogLine, SERVICES, type Service, type Stack } from './stack';
import { StreamMonitor } from './stream-monitor';

export interface RunStackOptions {
  name: string;
  /** The program that has the command `run`, with its first arguments: `dapr` or its replacement. */
  dapr: readonly string[];
  /** More flags of `run`. */
  flags?: readonly string[];
  /** Whether daprd is a separate process. A stop then goes to daprd first, as in container/entrypoint.sh. */
  separateDaprd: boolean;
  /** Replaces processingTimeout in components/redis/pubsub.yaml. Redis then delivers a killed service's events sooner. */
  processingTimeoutMs?: number;
  /** Environment variables of the services. */
  env?: Record<string, string>;
}

const REPLAY_MS = 120_000;

/**
 * Starts the sample as its containers run it, but without containers: Redis, an inbox, and one `dapr run` for each
 * service. A killed service stays dead until the scenario starts it again.
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

export class RunStack implements Stack {
  readonly log: LogLine[] = [];
  readonly output: string[] = [];
  readonly ended = new Promise<number | null>(() => {});
  readonly inbox: InboxClient;
  private readonly services = new Map<Service, RunningService>();
  private inboxProcess: ChildProcess | undefined;
  private readonly replays = new Set<ChildProcess>();
  private readonly killOnExit = () => this.killAll();

  constructor(
    private readonly options: RunStackOptions,
    private readonly folder: string,
    private readonly components: string,
    readonly redis: RedisServer,
    private readonly broker: StreamMonitor,
    private readonly ports: { mail: number; smtp: number; push: number },
  ) {
    this.inbox = new InboxClient(`http://127.0.0.1:${ports.mail}`, `http://127.0.0.1:${ports.push}`);
    process.once('exit', this.killOnExit);
  }

  get name(): string {
    return this.options.name;
  }

  get facadeUrl(): string {
    return `http://127.0.0.1:${this.running('api-facade').ports.appPort}`;
  }

  waitUntilDrained = (withinMs: number): Promise<number> => this.broker.waitUntilDrained(withinMs);

  /** Resolves with the metrics of a service's sidecar, in Prometheus' text format. */
  async metrics(service: Service): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.running(service).ports.metricsPort}/metrics`)).text();
  }

  publishWithoutFacade(eventId: string, data: object): Promise<void> {
    return publishToSidecar(`http://127.0.0.1:${this.running('api-facade').ports.daprPort}`, eventId, data);
  }

  async startInbox(): Promise<void> {
    const { mail, smtp, push } = this.ports;
    const args = ['--mail-port', mail, '--smtp-port', smtp, '--push-port', push].map(String);
    this.inboxProcess = spawn(process.execPath, ['dist/local/inbox/main.js', ...args], { cwd: ROOT, stdio: 'ignore' });
    await this.inbox.ready();
  }

  /** Suspends the inbox: it accepts connections and does not answer. */
  suspendInbox(): void {
    this.inboxProcess?.kill('SIGSTOP');
  }

  resumeInbox(): void {
    this.inboxProcess?.kill('SIGCONT');
  }

  /** Starts a service that does not run, and waits until it is ready. A service that ran before keeps its ports. */
  async start(service: Service): Promise<void> {
    const ports = this.services.get(service)?.ports ?? (await freePorts());
    const command = this.command(service, ports, [`dist/${service}/main.js`]);
    const { log, output } = this;
    const { separateDaprd } = this.options;
    const started = new RunningService({ service, ports, command, env: this.env(), separateDaprd, log, output });
    this.services.set(service, started);
    await started.ready();
  }

  async stopServices(services: readonly Service[]): Promise<number | null> {
    const codes = await Promise.all(services.map((service) => this.running(service).stop()));
    return codes.find((code) => code !== 0) ?? 0;
  }

  async startServices(services: readonly Service[]): Promise<void> {
    await Promise.all(services.map((service) => this.start(service)));
  }

  suspend(service: Service): void {
    this.running(service).signal('SIGSTOP');
  }

  resume(service: Service): void {
    this.running(service).signal('SIGCONT');
  }

  kill(service: Service): void {
    this.running(service).signal('SIGKILL');
  }

  /** Kills a service with SIGKILL, and waits until its sidecar has ended, too. */
  async killAndWait(service: Service): Promise<void> {
    this.kill(service);
    await this.running(service).ended;
  }

  /** Kills a service and its sidecar at once, as the end of a container does. */
  async killServiceAndSidecar(service: Service): Promise<void> {
    await this.running(service).killServiceAndSidecar();
  }

  /** Kills the sidecar of a service, and waits until the service has ended, too. */
  async killSidecar(service: Service): Promise<void> {
    await this.running(service).killSidecar();
  }

  async replay(service: Service, ...flags: string[]): Promise<CommandResult> {
    const script = ['dist/replay/main.js', service, ...flags];
    const [program = '', ...args] = this.command(`${service}-replay`, await freePorts(), script);
    const { child, result } = startCommand(program, args, { cwd: ROOT, env: this.env(), timeout: REPLAY_MS });
    this.replays.add(child);
    return result.finally(() => this.replays.delete(child));
  }

  /** Stops the services as `docker compose stop` does, then the rest. Resolves with 0 if every service ends with 0. */
  async stop(): Promise<number | null> {
    const code = await this.stopServices([...this.services.keys()]);
    process.off('exit', this.killOnExit);
    this.killAll();
    this.broker.close();
    await this.redis.kill();
    rmSync(this.folder, { recursive: true });
    return code;
  }

  private command(appId: string, ports: Ports, script: string[]): string[] {
    const run = { appId, ports, components: this.components, program: ['node', ...script] };
    const { dapr, flags = [] } = this.options;
    const [subcommand = '', ...args] = daprRunArguments(run);
    return [...dapr, subcommand, ...flags, ...args];
  }

  private env(): NodeJS.ProcessEnv {
    const { smtp, push } = this.ports;
    return {
      ...process.env,
      ...(this.options.separateDaprd && daprdOfContainer(this.folder)),
      LOG_FORMAT: 'json',
      SMTP_URL: `smtp://127.0.0.1:${smtp}`,
      PUSH_URL: `http://127.0.0.1:${push}`,
      DAPR_LOCAL_DIRECTORY: join(this.folder, 'sidecars'),
      ...this.options.env,
    };
  }

  private running(service: Service): RunningService {
    const running = this.services.get(service);
    if (!running) throw new Error(`${service} was never started`);
    return running;
  }

  private killAll(): void {
    for (const service of this.services.values()) service.killNow();
    for (const replay of this.replays) {
      if (replay.exitCode === null) killWithDescendants(replay.pid);
    }
    this.inboxProcess?.kill('SIGKILL');
  }
}
