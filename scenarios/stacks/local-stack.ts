import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { freePort } from '../../local/testing/free-port';
import { InboxClient } from './inbox-client';
import { publishToSidecar } from './publish-to-sidecar';
import { ROOT } from './root';
import { type CommandResult, type RunningCommand, startCommand } from './shell-command';
import type { LogLine, Service, Stack } from './stack';

const READY_MS = 40_000;

/** The fields of dapr.yaml that scenarios change. */
export interface RunFileDocument {
  common: { resourcesPaths: string[]; configFilePath: string; runtimePath?: string };
  apps: {
    appID: Service | 'inbox';
    appDirPath: string;
    appPort?: number;
    daprHTTPPort?: number;
    command: string[];
    env?: Record<string, string>;
  }[];
  'x-try'?: string;
}

/** Returns the command of `npm start`, or of `npm run dev`, with another run file. */
export function npmStartCommand(runFile: string, script: 'start' | 'dev' = 'start'): string[] {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const [exec, node, ...args] = (scripts[script] as string).split(' ');
  // Without exec, a shell stays between npm and node, and it does not forward the signals that npm sends.
  if (exec !== 'exec' || node !== 'node') throw new Error(`npm ${script} does not begin with "exec node"`);
  return [process.execPath, ...args, '-f', runFile];
}

/** A repository to run, and the npm script that runs it. */
export interface Source {
  root: string;
  script: 'start' | 'dev';
}

const THIS_REPOSITORY: Source = { root: ROOT, script: 'start' };

/** Writes a copy of the run file with free ports and absolute paths into a new folder, after `change` has changed it. */
export async function writeRunFile(
  change: (file: RunFileDocument) => void = () => {},
  { root, script } = THIS_REPOSITORY,
): Promise<{ path: string; inbox: InboxClient; remove(): void }> {
  const name = script === 'dev' ? 'dapr.dev.yaml' : 'dapr.yaml';
  const file: RunFileDocument = parse(readFileSync(join(root, name), 'utf8'));
  file.common.resourcesPaths = file.common.resourcesPaths.map((path) => resolve(root, path));
  file.common.configFilePath = resolve(root, file.common.configFilePath);
  if (file.common.runtimePath) file.common.runtimePath = resolve(root, file.common.runtimePath);
  const [mailPort, smtpPort, pushPort] = [await freePort(), await freePort(), await freePort()];
  const ports = ['--mail-port', mailPort, '--smtp-port', smtpPort, '--push-port', pushPort];
  const env = { SMTP_URL: `smtp://127.0.0.1:${smtpPort}`, PUSH_URL: `http://127.0.0.1:${pushPort}` };
  for (const app of file.apps) {
    app.appDirPath = root;
    if (app.appPort !== undefined) app.appPort = app.appID === 'inbox' ? mailPort : await freePort();
    if (app.daprHTTPPort !== undefined) app.daprHTTPPort = await freePort();
    if (app.appID === 'inbox') app.command.push(...ports.map(String));
    else app.env = env;
  }
  change(file);
  const folder = mkdtempSync(join(tmpdir(), 'run-'));
  writeFileSync(join(folder, 'dapr.yaml'), stringify(file));
  return {
    path: join(folder, 'dapr.yaml'),
    inbox: new InboxClient(`http://127.0.0.1:${mailPort}`, `http://127.0.0.1:${pushPort}`),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/**
 * Starts the sample as `npm start` does: an in-memory broker, all sidecars in one process, each service in another.
 *
 * @throws {Error} when the services are not ready in time, or end before
 */
export async function startLocalStack(
  change?: (file: RunFileDocument) => void,
  source = THIS_REPOSITORY,
): Promise<LocalStack> {
  const runFile = await writeRunFile(change, source);
  return startStack(npmStartCommand(runFile.path, source.script), runFile, source.root);
}

/** Starts the sample with npm itself. `stack.signal` then reaches npm alone. */
export async function startLocalStackWithNpm(script: Source['script']): Promise<LocalStack> {
  const runFile = await writeRunFile(() => {}, { root: ROOT, script });
  // The tests have compiled the services. Without --ignore-scripts, `npm start` would compile them again.
  return startStack(['npm', 'run', '--ignore-scripts', script, '--', '-f', runFile.path], runFile, ROOT);
}

async function startStack(
  [program = '', ...args]: string[],
  runFile: Awaited<ReturnType<typeof writeRunFile>>,
  cwd: string,
): Promise<LocalStack> {
  // Other stacks run at the same time. With a separate directory, the sidecars find only the apps of this stack.
  const directory = mkdtempSync(join(tmpdir(), 'sidecars-'));
  const env = { ...process.env, LOG_FORMAT: 'json', DAPR_LOCAL_DIRECTORY: directory };
  const child = spawn(program, args, { cwd, env });
  const stack = new LocalStack(child, env, runFile.inbox, () => {
    runFile.remove();
    rmSync(directory, { recursive: true });
  });
  await Promise.race([stack.ready(), stack.ended.then(() => Promise.reject(new Error(stack.output.join('\n'))))]);
  return stack;
}

export class LocalStack implements Stack {
  readonly name = 'local, in memory';
  readonly log: LogLine[] = [];
  readonly output: string[] = [];
  readonly ended: Promise<number | null>;
  private readonly services = new Map<Service, number>();
  facadeUrl = '';

  /** The URL of the Dapr API of api-facade's sidecar, without a slash at the end. */
  facadeSidecarUrl = '';

  constructor(
    private readonly child: ChildProcess,
    private readonly env: NodeJS.ProcessEnv,
    readonly inbox: InboxClient,
    cleanUp: () => void,
  ) {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.read(line));
    }
    // A failed test may not call stop. After this kill, the guard of the program kills the services.
    const killOnExit = () => child.kill('SIGKILL');
    process.once('exit', killOnExit);
    this.ended = once(child, 'close').then(([code]) => {
      process.off('exit', killOnExit);
      cleanUp();
      return code;
    });
  }

  async ready(): Promise<void> {
    for (
      const deadline = Date.now() + READY_MS;
      !this.output.some((line) => line.startsWith('try:'));
      await sleep(20)
    ) {
      if (Date.now() > deadline) throw new Error(`not ready:\n${this.output.join('\n')}`);
    }
    await this.inbox.ready();
  }

  suspend(service: Service): void {
    process.kill(this.pid(service), 'SIGSTOP');
  }

  resume(service: Service): void {
    process.kill(this.pid(service), 'SIGCONT');
  }

  kill(service: Service): void {
    process.kill(this.pid(service), 'SIGKILL');
  }

  publishWithoutFacade(eventId: string, data: object): Promise<void> {
    return publishToSidecar(this.facadeSidecarUrl, eventId, data);
  }

  async replay(service: Service, ...flags: string[]): Promise<CommandResult> {
    const { result } = await this.startReplay(service, ...flags);
    return result;
  }

  /** Starts a replay, and does not wait until it ends. */
  async startReplay(service: Service, ...flags: string[]): Promise<RunningCommand> {
    const args = [join('dist', 'replay', 'npm.js'), service, ...flags];
    const env = { ...this.env, APP_PORT: String(await freePort()) };
    return startCommand(process.execPath, args, { cwd: ROOT, env });
  }

  /** Starts a replay with npm itself. `url` is the URL of the replay, without a slash at the end. */
  async startReplayWithNpm(service: Service): Promise<RunningCommand & { url: string }> {
    const port = await freePort();
    const command = startCommand('npm', ['run', 'replay', service], {
      cwd: ROOT,
      env: { ...this.env, APP_PORT: String(port) },
    });
    return { ...command, url: `http://127.0.0.1:${port}` };
  }

  async stop(): Promise<number | null> {
    this.signal('SIGINT');
    return this.ended;
  }

  /** Sends a signal to the process that the test has started: the program, or npm. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** The ids of all processes that the program has started. */
  get pids(): number[] {
    return this.output.flatMap((line) => /pid (\d+)$/.exec(line)?.[1] ?? []).map(Number);
  }

  pid(service: Service): number {
    const pid = this.services.get(service);
    if (pid === undefined) throw new Error(`${service} does not run`);
    return pid;
  }

  private read(line: string): void {
    const [, json] = /^== APP - [\w-]+ == (\{.*\})$/.exec(line) ?? [];
    if (json) {
      this.log.push(JSON.parse(json));
      return;
    }
    this.output.push(line);
    const [, service, url, dapr, pid] = /^ready: ([\w-]+) (http:\S+), Dapr API (http:\S+), pid (\d+)$/.exec(line) ?? [];
    if (!service) return;
    this.services.set(service as Service, Number(pid));
    if (service !== 'api-facade') return;
    this.facadeUrl = url ?? '';
    this.facadeSidecarUrl = dapr ?? '';
  }
}
