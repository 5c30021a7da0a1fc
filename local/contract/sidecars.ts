import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Directory } from '../invocation/directory';
import { appFromFlags } from '../run/app-spec';
import { parseFlags } from '../run/flags';
import { type Sidecar, startSidecar } from '../sidecar';
import { send } from './http-client';

export interface SidecarSettings {
  appId: string;
  /** Undefined if there is no app. */
  appPort: number | undefined;
  httpPort: number;
  grpcPort: number;
  internalPort: number;
  resources: string;
  config: string;
  apiToken: string | undefined;
  appToken: string | undefined;
  env: Readonly<Record<string, string>>;
  flags: readonly string[];
  /** A folder that only this case uses. */
  folder: string;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A sidecar under test: in this process or in a child process. */
export interface SidecarUnderTest {
  start(): Promise<void>;
  /** Resolves with whether the sidecar is ready within `timeoutMs`. */
  ready(timeoutMs: number): Promise<boolean>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit of the sidecar; undefined if it still runs after `timeoutMs`. */
  exited(timeoutMs: number): Promise<Exit | undefined>;
  /** Everything that the sidecar has printed. */
  readonly output: string;
  /** The wait between the sidecar's readiness and the first step. */
  readonly settleMs: number;
}

/** A sidecar that is ready may still ask its app for the configuration and the subscriptions. */
const SETTLE_MS = 200;

/** Our sidecar in the process of the test. Most cases use it, because it is the fastest. */
export class InProcessSidecar implements SidecarUnderTest {
  readonly output = '';
  readonly settleMs = SETTLE_MS;
  private started: Promise<Sidecar> | undefined;

  constructor(private readonly settings: SidecarSettings) {}

  async start(): Promise<void> {
    const { httpPort, apiToken, appToken, folder } = this.settings;
    this.started = startSidecar({
      ...appFromFlags(parseFlags(flagsOf(this.settings))).sidecar,
      directory: new Directory(join(folder, 'sidecars')),
      env: this.settings.env,
      ...(apiToken !== undefined && { apiToken }),
      ...(appToken !== undefined && { appToken }),
    });
    let failed = false;
    this.started.catch(() => {
      failed = true; // `ready` throws the reason
    });
    // The sidecar listens at once, but `startSidecar` resolves only when its app is up.
    const health = { do: 'request', method: 'GET', path: '/v1.0/healthz' };
    while (!failed && (await send(health, httpPort)).status === undefined) await sleep(5);
  }

  async ready(timeoutMs: number): Promise<boolean> {
    return Promise.race([this.started?.then(() => true) ?? false, sleep(timeoutMs, false)]);
  }

  signal(): void {
    this.started?.then((sidecar) => sidecar.close(0)).catch(() => {}); // `ready` throws the reason
  }

  async exited(): Promise<Exit | undefined> {
    await (await this.started)?.close(0);
    return { code: 0, signal: null };
  }
}

/** A program and its first arguments. The arguments of the case follow. */
export type Command = readonly string[];

/** A sidecar in a child process: ours, or daprd. */
export class SidecarProcess implements SidecarUnderTest {
  output = '';
  readonly settleMs = SETTLE_MS;
  private child: ChildProcess | undefined;
  private exit: Exit | undefined;

  constructor(
    private readonly command: Command,
    private readonly settings: SidecarSettings,
  ) {}

  async start(): Promise<void> {
    const [program = '', ...before] = this.command;
    const { DAPR_API_TOKEN: _, APP_API_TOKEN: __, ...env } = process.env;
    const { apiToken, appToken, folder } = this.settings;
    this.exit = undefined;
    const child = spawn(program, [...before, ...flagsOf(this.settings)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...env,
        ...this.settings.env,
        TMPDIR: folder,
        ...(apiToken !== undefined && { DAPR_API_TOKEN: apiToken }),
        ...(appToken !== undefined && { APP_API_TOKEN: appToken }),
      },
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (this.output += chunk));
    child.once('exit', (code, signal) => {
      this.exit = { code, signal };
    });
    const kill = () => child.kill('SIGKILL');
    process.setMaxListeners(100); // there are many sidecars at the same time
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
  }

  async ready(timeoutMs: number): Promise<boolean> {
    for (const deadline = Date.now() + timeoutMs; Date.now() < deadline && !this.exit; await sleep(20)) {
      const health = { do: 'request', method: 'GET', path: '/v1.0/healthz' };
      if ((await send(health, this.settings.httpPort, undefined, 1_000)).status === 204) return true;
    }
    return false;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.exit) this.child?.kill(signal);
  }

  async exited(timeoutMs: number): Promise<Exit | undefined> {
    if (!this.exit && this.child) {
      const signal = AbortSignal.timeout(timeoutMs);
      await once(this.child, 'exit', { signal }).catch(() => {}); // timeout: the child still runs
    }
    return this.exit;
  }
}

function flagsOf(settings: SidecarSettings): string[] {
  const { appId, appPort, httpPort, grpcPort, internalPort, resources, config, flags } = settings;
  return [
    ...['--app-id', appId],
    ...(appPort === undefined ? [] : ['--app-port', String(appPort)]),
    ...['--dapr-http-port', String(httpPort), '--dapr-grpc-port', String(grpcPort)],
    ...['--dapr-internal-grpc-port', String(internalPort), '--dapr-listen-addresses', '127.0.0.1'],
    ...['--resources-path', resources, '--config', config],
    ...flags,
  ];
}
