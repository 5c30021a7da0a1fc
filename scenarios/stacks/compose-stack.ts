import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { vi } from 'vitest';
import { daprContext, writeOverride } from './compose-override';
import { composeVariables, freePorts, type Project } from './compose-variables';
import { InboxClient } from './inbox-client';
import { readLogLines } from './log-lines';
import { ROOT } from './root';
import { type CommandResult, runCommand, runInShell } from './shell-command';
import { type LogLine, SERVICES, type Service, type Stack } from './stack';

/** A container in the list of `docker compose ps`. */
interface Container {
  ID: string;
  Service: string;
  State: string;
  Health: string;
  ExitCode: number;
}

/** The fields of `docker inspect` that the scenarios check, and the Compose service of the container. */
interface InspectedContainer {
  service: string;
  Id: string;
  Config: { User: string };
  HostConfig: { Memory: number; PidsLimit: number };
  NetworkSettings: {
    Ports: Record<string, { HostIp: string }[] | null>;
    Networks: Record<string, { IPAddress: string }>;
  };
}

export interface ComposeStackOptions {
  /** The repository to run. */
  root?: string;
  /** A folder of components/, and the Compose profile of that name, which Redis does not need. */
  broker?: string;
  /** The name of the project. */
  project?: string;
}

/** Starts the sample with `docker compose up`, as a separate project on free ports. Resolves when it is healthy. */
export async function startComposeStack({
  root = ROOT,
  broker = 'redis',
  project = `sample-${process.pid}`,
}: ComposeStackOptions = {}): Promise<ComposeStack> {
  const folder = mkdtempSync(join(tmpdir(), 'compose-'));
  const context = daprContext(folder);
  const files = [join(root, 'docker-compose.yml'), ...(context ? [writeOverride(folder, root, context)] : [])];
  // If Docker chose the ports, they would change when a container starts again.
  const ports = await freePorts();
  const stack = new ComposeStack({ folder, files, ports, root, broker, project });
  try {
    await stack.up();
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

export class ComposeStack implements Stack {
  readonly name = 'Docker Compose';
  readonly pushFaultsUnavailable = 'ntfy cannot inject faults';
  readonly replayUnavailable =
    process.env.DAPR_CONTEXT === undefined ? 'a sidecar of local/ finds only the apps in its own container' : undefined;
  readonly log: LogLine[] = [];
  readonly output: string[] = [];
  readonly ended = new Promise<number | null>(() => {});
  readonly facadeUrl: string;
  readonly inbox: InboxClient;
  private logReader: ChildProcess | undefined;

  /** @param options `folder` is removed with the stack */
  constructor(readonly options: Project & { root: string; folder: string }) {
    const { FACADE_PORT, MAILPIT_PORT, NTFY_PORT } = options.ports;
    this.facadeUrl = `http://127.0.0.1:${FACADE_PORT}`;
    this.inbox = new InboxClient(`http://127.0.0.1:${MAILPIT_PORT}`, `http://127.0.0.1:${NTFY_PORT}`);
  }

  /** Builds the image and starts all containers. Resolves when they are healthy. */
  async up(): Promise<void> {
    await this.compose('up', '--detach', '--build', '--wait', '--wait-timeout', '180');
    this.logReader?.kill('SIGKILL');
    const args = ['compose', 'logs', '--follow', '--no-log-prefix', '--no-color', ...SERVICES];
    this.logReader = spawn('docker', args, { ...this.spawnOptions, stdio: ['ignore', 'pipe', 'ignore'] });
    readLogLines(this.logReader.stdout, this.log, this.output);
  }

  /** Runs `docker compose`. Resolves with its stdout. @throws {Error} with its stderr when it fails */
  async compose(...args: string[]): Promise<string> {
    const child = spawn('docker', ['compose', ...args], { ...this.spawnOptions, stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, err] = [child.stdout, child.stderr].map((stream) => stream.toArray());
    const [code] = await once(child, 'close');
    const [stdout, stderr] = [Buffer.concat((await out) ?? []).toString(), Buffer.concat((await err) ?? []).toString()];
    if (code !== 0) throw new Error(`docker compose ${args.join(' ')}: exit code ${code}\n${stderr.slice(-3_000)}`);
    return stdout;
  }

  /** Runs a command of a shell as a user would type it, on this project and its ports. */
  shell(command: string): Promise<CommandResult> {
    const ours = command
      .replace('localhost:8080', new URL(this.facadeUrl).host)
      .replace('localhost:8025', new URL(this.inbox.mailUrl).host);
    return runInShell(ours, this.spawnOptions);
  }

  /** Runs `docker`. Resolves with its stdout. */
  async docker(...args: string[]): Promise<string> {
    return (await promisify(execFile)('docker', args)).stdout;
  }

  /** Resolves with the ids of this project's objects in a list of `docker`, such as `volume ls`. */
  async found(...list: string[]): Promise<string[]> {
    const filter = `label=com.docker.compose.project=${this.options.project}`;
    return (await this.docker(...list, '--quiet', '--filter', filter)).split('\n').filter(Boolean);
  }

  /** Runs a command in the container of a Compose service. Resolves with its stdout. */
  exec = (service: string, ...command: string[]): Promise<string> => this.compose('exec', '-T', service, ...command);

  redisCli = (...args: string[]): Promise<string> => this.exec('redis', 'redis-cli', ...args);

  /** Resolves with the name of the image in which the services run. */
  async image(): Promise<string> {
    return JSON.parse(await this.compose('config', '--format', 'json')).services['api-facade'].image;
  }

  async containers(): Promise<Container[]> {
    const lines = (await this.compose('ps', '--all', '--format', 'json')).trim().split('\n');
    return lines.filter(Boolean).map((line) => JSON.parse(line));
  }

  async inspectContainers(): Promise<InspectedContainer[]> {
    const inspected: InspectedContainer[] = [];
    for (const { ID, Service } of await this.containers()) {
      inspected.push({ service: Service, ...JSON.parse(await this.docker('inspect', ID))[0] });
    }
    return inspected;
  }

  /**
   * Kills the first process of a Compose service's containers, so that Docker restarts them. Docker treats
   * `docker compose kill` as intentional and does not restart a container after it.
   */
  async crash(service: string): Promise<void> {
    for (const { ID } of await this.containersOf(service)) {
      process.kill(Number(await this.docker('inspect', '--format', '{{.State.Pid}}', ID)), 'SIGKILL');
    }
  }

  /** Resolves with whether a Compose service has containers, and all of them run and are healthy. */
  async isHealthy(service: string): Promise<boolean> {
    const containers = await this.containersOf(service);
    return (
      containers.length > 0 &&
      containers.every(({ State, Health }) => State === 'running' && (Health || 'healthy') === 'healthy')
    );
  }

  suspend(service: Service): void {
    this.composeSync('pause', service);
  }

  resume(service: Service): void {
    this.composeSync('unpause', service);
  }

  kill(service: Service): void {
    this.composeSync('kill', service);
  }

  /** Writes the event into Redis, because only api-facade may publish, and its sidecar has no port on this machine. */
  async publishWithoutFacade(eventId: string, data: object): Promise<void> {
    const event = {
      specversion: '1.0',
      id: eventId,
      type: 'followerAdded',
      source: 'somebody',
      topic: 'followerAdded',
    };
    const json = JSON.stringify({ ...event, pubsubname: 'pubsub', datacontenttype: 'application/json', data });
    await this.redisCli('XADD', 'followerAdded', '*', 'data', json);
  }

  async replay(service: Service, ...flags: string[]): Promise<CommandResult> {
    return runCommand('docker', ['compose', 'run', '--rm', '-T', 'replay', service, ...flags], this.spawnOptions);
  }

  async stopServices(services: readonly Service[]): Promise<number> {
    await this.compose('stop', ...services);
    const stopped = (await this.containers()).filter(({ Service }) => services.some((name) => name === Service));
    return Math.max(...stopped.map(({ ExitCode }) => ExitCode));
  }

  async startServices(services: readonly Service[]): Promise<void> {
    await this.compose('start', ...services);
    await vi.waitFor(
      async () => {
        for (const service of services)
          if (!(await this.isHealthy(service))) throw new Error(`${service} is not healthy`);
      },
      { timeout: 60_000, interval: 200 },
    );
  }

  /**
   * Stops all containers except Mailpit and ntfy, because these two lose their messages at a stop. Resolves with the
   * highest exit code.
   */
  async stopContainers(): Promise<number> {
    await this.compose('stop', ...SERVICES, 'redis', 'placement');
    return Math.max(...(await this.containers()).map(({ ExitCode }) => ExitCode));
  }

  async stop(): Promise<number | null> {
    this.logReader?.kill('SIGKILL');
    await this.down();
    rmSync(this.options.folder, { recursive: true });
    return 0;
  }

  /** Removes the containers, networks, volumes and the image. */
  async down(): Promise<void> {
    const image = await this.image();
    await this.compose('down', '--volumes', '--remove-orphans', '--timeout', '5');
    await this.docker('image', 'rm', '--force', image);
  }

  private async containersOf(service: string): Promise<Container[]> {
    return (await this.containers()).filter(({ Service }) => Service === service);
  }

  private composeSync(...args: string[]): void {
    execFileSync('docker', ['compose', ...args], { ...this.spawnOptions, stdio: 'ignore' });
  }

  private get spawnOptions() {
    return { cwd: this.options.root, env: { ...process.env, ...composeVariables(this.options) } };
  }
}
