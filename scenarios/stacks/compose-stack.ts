import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildSync } from 'esbuild';
import { freePort } from '../../local/testing/free-port';
import { InboxClient } from './inbox-client';
import { readLogLines } from './log-lines';
import { ROOT } from './root';
import { type CommandResult, runCommand } from './run-command';
import { type LogLine, SERVICES, type Service, type Stack } from './stack';

const run = promisify(execFile);

/** Why Kafka cannot be the broker here; undefined when it can. */
export function missingForKafka(): string | undefined {
  const missing = missingForCompose();
  if (missing) return missing;
  if (process.env.DAPR_CONTEXT === undefined) return 'needs Dapr (DAPR_CONTEXT): local/ knows no Kafka';
  if (process.env.DAPR_CONTEXT === 'release') return undefined; // Docker fetches what is missing
  const image = /^KAFKA_IMAGE=(.*)$/m.exec(readFileSync(join(ROOT, '.env'), 'utf8'))?.[1] ?? '';
  try {
    execFileSync('docker', ['image', 'inspect', image], { stdio: 'ignore' });
    return undefined;
  } catch {
    return `there is no image ${image}`;
  }
}

/** Why Compose cannot be used here; undefined when it can. */
export function missingForCompose(): string | undefined {
  try {
    execFileSync('docker', ['compose', 'version'], { stdio: 'ignore' });
    execFileSync('docker', ['info'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'there is no Docker Compose, or no engine, on this machine';
  }
}

/**
 * The files `dapr` and `daprd` for the image, for where Dapr's own releases cannot be had: local/ in one file, under
 * the name by which the entry script looks for the sidecar.
 */
function localInPlaceOfDapr(folder: string): void {
  const entryPoints = [join(ROOT, 'dist/local/main.js')];
  const { outputFiles } = buildSync({ entryPoints, bundle: true, platform: 'node', target: 'node20', write: false });
  const [, program = ''] = (outputFiles[0]?.text ?? '').split(/^#!.*\n/);
  writeFileSync(join(folder, 'dapr'), `#!/usr/bin/env -S node --title=daprd\n${program}`);
  writeFileSync(join(folder, 'daprd'), '#!/bin/sh\nexit 1\n');
  for (const name of ['dapr', 'daprd']) chmodSync(join(folder, name), 0o755);
}

/** What Docker Compose tells of a container. */
interface Container {
  ID: string;
  Service: string;
  State: string;
  Health: string;
  ExitCode: number;
}

/**
 * The sample as `docker compose up` runs it, as a project of its own, with ports of its own. `DAPR_CONTEXT`
 * names a folder with the programs dapr and daprd, where they are at hand; `DAPR_CONTEXT=release` builds what users
 * build, with Dapr's own releases. Otherwise local/ takes their place.
 */
export async function startComposeStack(broker: 'redis' | 'kafka' = 'redis'): Promise<ComposeStack> {
  const folder = mkdtempSync(join(tmpdir(), 'compose-'));
  let context = process.env.DAPR_CONTEXT;
  const replayUnavailable =
    context === undefined ? 'a sidecar of local/ finds only those in its own container' : undefined;
  if (context === undefined) {
    localInPlaceOfDapr(folder);
    context = folder;
  } else if (context !== 'release' && !existsSync(join(context, 'daprd'))) {
    throw new Error(`DAPR_CONTEXT is ${context}; allowed: release, or a folder with the files dapr and daprd`);
  }
  const build = context === 'release' ? '' : `build: {additional_contexts: {dapr: "${context}"}}`;
  const service = (name: string, more = '') => `  ${name}:\n    ${build}\n${more}`;
  // Chosen here, because Docker would choose others each time a container starts again.
  const ports = { facade: await freePort(), mail: await freePort(), push: await freePort() };
  const port = (host: number, container: number) => `    ports: !override ["127.0.0.1:${host}:${container}"]\n`;
  const override = [
    'services:',
    service('api-facade', port(ports.facade, 8080)),
    service('email-notification-service'),
    service('push-notification-service'),
    service('replay'),
    `  mailpit:\n${port(ports.mail, 8025)}  ntfy:\n${port(ports.push, 80)}`,
  ].join('\n');
  writeFileSync(join(folder, 'override.yml'), override);
  const stack = new ComposeStack(folder, ports, replayUnavailable, broker);
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
  readonly pushFaultsUnavailable = 'ntfy has no switch for faults';
  readonly log: LogLine[] = [];
  readonly output: string[] = [];
  readonly ended = new Promise<number | null>(() => {});
  private readonly project = `sample-${process.pid}`;
  private follower: ChildProcess | undefined;
  readonly facadeUrl: string;
  readonly inbox: InboxClient;

  constructor(
    private readonly folder: string,
    ports: { facade: number; mail: number; push: number },
    readonly replayUnavailable: string | undefined,
    private readonly broker: 'redis' | 'kafka',
  ) {
    this.facadeUrl = `http://127.0.0.1:${ports.facade}`;
    this.inbox = new InboxClient(`http://127.0.0.1:${ports.mail}`, `http://127.0.0.1:${ports.push}`);
  }

  async up(): Promise<void> {
    await this.compose('up', '--detach', '--build', '--wait', '--wait-timeout', '180');
    this.follower?.kill('SIGKILL');
    const args = this.arguments('logs', '--follow', '--no-log-prefix', '--no-color', ...SERVICES);
    this.follower = spawn('docker', args, { ...this.options, stdio: ['ignore', 'pipe', 'ignore'] });
    readLogLines(this.follower.stdout, this.log, this.output);
  }

  async docker(...args: string[]): Promise<string> {
    return (await run('docker', args)).stdout;
  }

  async containers(): Promise<Container[]> {
    const lines = (await this.compose('ps', '--all', '--format', 'json')).trim().split('\n');
    return lines.filter(Boolean).map((line) => JSON.parse(line));
  }

  /** Ends a container's first process, as a crash or the kernel would, and not as an order to Docker, which is obeyed. */
  async crash(service: string): Promise<void> {
    for (const { ID } of (await this.containers()).filter((one) => one.Service === service)) {
      process.kill(Number(await this.docker('inspect', '--format', '{{.State.Pid}}', ID)), 'SIGKILL');
    }
  }

  async isHealthy(service: string): Promise<boolean> {
    const own = (await this.containers()).filter((one) => one.Service === service);
    return (
      own.length > 0 && own.every(({ State, Health }) => State === 'running' && (Health || 'healthy') === 'healthy')
    );
  }

  suspend(service: Service): void {
    execFileSync('docker', this.arguments('pause', service), { ...this.options, stdio: 'ignore' });
  }

  resume(service: Service): void {
    execFileSync('docker', this.arguments('unpause', service), { ...this.options, stdio: 'ignore' });
  }

  kill(service: Service): void {
    execFileSync('docker', this.arguments('kill', service), { ...this.options, stdio: 'ignore' });
  }

  /** Straight into Redis: no app but api-facade may publish, and its sidecar cannot be reached from here. */
  async publishWithoutFacade(eventId: string, data: object): Promise<void> {
    const event = {
      specversion: '1.0',
      id: eventId,
      type: 'followerAdded',
      source: 'somebody',
      topic: 'followerAdded',
    };
    const json = JSON.stringify({ ...event, pubsubname: 'pubsub', datacontenttype: 'application/json', data });
    await this.compose('exec', '-T', 'redis', 'redis-cli', 'XADD', 'followerAdded', '*', 'data', json);
  }

  async replay(service: Service, ...flags: string[]): Promise<CommandResult> {
    return runCommand('docker', this.arguments('run', '--rm', '-T', 'replay', service, ...flags), this.options);
  }

  /** `docker compose stop`, but for the inboxes, which forget. Resolves with 0 when every container ended with 0. */
  async stopContainers(): Promise<number> {
    await this.compose('stop', ...SERVICES, 'redis', 'placement');
    return Math.max(...(await this.containers()).map(({ ExitCode }) => ExitCode));
  }

  async stop(): Promise<number | null> {
    this.follower?.kill('SIGKILL');
    await this.compose('down', '--volumes', '--remove-orphans', '--timeout', '5');
    rmSync(this.folder, { recursive: true });
    return 0;
  }

  /** @throws {Error} with what Compose printed, when it fails */
  async compose(...args: string[]): Promise<string> {
    const child = spawn('docker', this.arguments(...args), { ...this.options, stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, err] = [child.stdout, child.stderr].map((stream) => stream.toArray());
    const [code] = await once(child, 'close');
    const [stdout, stderr] = [Buffer.concat((await out) ?? []).toString(), Buffer.concat((await err) ?? []).toString()];
    if (code !== 0) throw new Error(`docker compose ${args.join(' ')}: exit code ${code}\n${stderr.slice(-3_000)}`);
    return stdout;
  }

  private arguments(...args: string[]): string[] {
    const files = ['--file', 'docker-compose.yml', '--file', join(this.folder, 'override.yml')];
    const profile = this.broker === 'kafka' ? ['--profile', 'kafka'] : [];
    return ['compose', '--project-name', this.project, ...files, ...profile, ...args];
  }

  private get options() {
    return { cwd: ROOT, env: { ...process.env, BROKER: this.broker } };
  }
}
