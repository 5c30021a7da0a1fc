import { SharedMemory } from '../components';
import { Directory, type SidecarAddress } from '../invocation/directory';
import type { Log } from '../log';
import { loadResources } from '../resources/load';
import { Sidecar } from '../sidecar';
import type { SidecarOptions } from '../sidecar-options';
import { AppProcess, type Ending } from './app-process';
import type { AppSpec } from './app-spec';
import { assertFree } from './assert-free';
import { DRAIN_MS, drain, lossLine } from './drain';
import { refuseGrpc } from './grpc-port';
import { Guard } from './guard';
import { type Join, JoinedSidecar } from './join';
import { readTokens } from './read-tokens';
import { inUse, RunError } from './run-error';
import { terminalEnv } from './terminal-env';

export interface RunOptions {
  apps: readonly AppSpec[];
  /** A command that the user can try when everything runs. */
  hint?: string | undefined;
  /** The id of an app in another process. This run joins its run and shares the in-memory components. */
  join?: string | undefined;
  env: NodeJS.ProcessEnv;
  /** Whether the output goes to a terminal. The apps then get the variables of `terminalEnv`. */
  onTerminal: boolean;
  print: (line: string) => void;
}

interface Member {
  spec: AppSpec;
  sidecar: Pick<Sidecar, 'port' | 'hasSubscriptions' | 'listen' | 'start' | 'close'>;
  log: Log;
  app?: AppProcess;
  /** Refuses the connections to the gRPC API. */
  grpc: Awaited<ReturnType<typeof refuseGrpc>>;
}

/** Runs apps, each with a sidecar. The sidecars share the in-memory components. */
export class Run {
  private readonly members: Member[] = [];
  private readonly memory = new SharedMemory();
  private readonly guard = new Guard();
  private readonly directory: Directory;
  private readonly joined = new Set<Sidecar>();
  /** The number of apps that run. */
  private running = 0;
  /** The number of lost deliveries. Undefined until the stop has drained the in-memory broker. */
  private lost: number | undefined;
  private stopping: Promise<boolean> | undefined;
  private report!: (ending: RunError) => void;
  private shutDown!: () => void;
  private finish!: () => void;
  private hasFinished = false;
  /** Resolves when the last app has exited with 0. */
  readonly finished = new Promise<void>((resolve) => {
    this.finish = resolve;
  });
  /** Resolves when the API of a sidecar receives a shutdown. */
  readonly shutdownRequested = new Promise<void>((resolve) => {
    this.shutDown = resolve;
  });
  /** Resolves with the error when an app has failed. */
  readonly failed = new Promise<RunError>((resolve) => {
    this.report = resolve;
  });

  constructor(private readonly options: RunOptions) {
    this.directory = new Directory(options.env.DAPR_LOCAL_DIRECTORY || undefined);
  }

  /**
   * Starts all sidecars and apps. Resolves when every sidecar delivers events.
   *
   * @throws {ResourceError} for an invalid resource
   * @throws {RunError} for a port in use, or when an app has ended
   */
  async start(): Promise<void> {
    const { apps, print, hint } = this.options;
    for (const spec of apps) await assertFree(spec);
    for (const spec of apps) await this.startSidecar(spec);
    if (this.stopping) return;
    for (const member of this.members) this.startApp(member);
    const ready = Promise.all(this.members.map(({ sidecar }) => sidecar.start()));
    const failure = await Promise.race([ready.then(() => undefined), this.finished, this.failed]);
    if (failure) throw failure;
    // A run that joins another run prints only the output of its app.
    if (this.stopping || this.hasFinished || this.options.join !== undefined) return;
    for (const { spec, sidecar, app } of this.members) {
      const { appId, appPort } = spec.sidecar;
      const where = appPort === undefined ? '' : ` http://localhost:${appPort}`;
      print(`ready: ${appId}${where}, Dapr API http://localhost:${sidecar.port}${app?.pid ? `, pid ${app.pid}` : ''}`);
    }
    if (hint) print(`try:   ${hint}`);
  }

  /**
   * Stops in the direction in which events flow: first the apps that only publish, then the deliveries, then the apps
   * that receive events, and at last the apps with `stopsLast`.
   * While it waits for deliveries of the in-memory broker, it says so. If some are lost, the last line has their number.
   * Resolves with whether all accepted events have been delivered and every app has ended normally.
   */
  stop(): Promise<boolean> {
    this.stopping ??= this.stopInOrder();
    return this.stopping;
  }

  /** Kills every app. The last line reports the deliveries that are lost by it. */
  kill(): void {
    const lost = this.lost ?? this.memory.unfinished;
    for (const { app } of this.members) app?.kill();
    if (lost > 0) this.options.print(lossLine(lost));
  }

  private async startSidecar(spec: AppSpec): Promise<void> {
    const { appId, appPort, httpPort } = spec.sidecar;
    const log = this.logOf(`== DAPR - ${appId} ==`);
    const sidecar =
      this.options.join === undefined
        ? this.createSidecar(spec, log, { onShutdown: this.shutDown })
        : new JoinedSidecar(this.findHost(this.options.join), { appId, appPort }, this.shutDown);
    const grpc = await refuseGrpc(spec.grpcPort, log).catch(inUse(appId, 'gRPC', spec.grpcPort));
    await sidecar.listen().catch(inUse(appId, 'HTTP', httpPort));
    this.members.push({ spec, sidecar, log, grpc });
  }

  private createSidecar({ sidecar, env }: AppSpec, log: Log, more: Partial<SidecarOptions>): Sidecar {
    const { appId, resourcesPaths = [] } = sidecar;
    const variables = { ...this.options.env, ...env };
    if (resourcesPaths.length === 0)
      log.warn('no resources: no folder is named, and ~/.dapr/components does not exist');
    const options: SidecarOptions = {
      ...sidecar,
      env: variables,
      log,
      memory: this.memory,
      directory: this.directory,
      onJoin: this.join,
      onForcedShutdown: () => this.report(new RunError('a shutdown was forced: POST /v1.0/shutdown')),
      onReloadFailed: ({ message }) => this.report(new RunError(message)),
      ...readTokens(variables),
      ...more,
    };
    return new Sidecar(options, loadResources(resourcesPaths, appId, variables, log));
  }

  private findHost(appId: string): SidecarAddress {
    const host = this.directory.find(appId);
    if (host) return host;
    throw new RunError(`no run has the app ${appId}; start it first in another terminal`);
  }

  /** Runs a sidecar for an app of another process. It reads the resource folders of our first app. */
  private readonly join: Join = async ({ appId, appPort, httpPort }, signal) => {
    const [member] = this.members;
    if (!member || this.stopping) throw new Error('the run is stopping');
    const log = this.logOf(`== DAPR - ${appId} ==`);
    const { appPort: _theirs, ...shared } = member.spec.sidecar;
    const spec: AppSpec = {
      ...member.spec,
      sidecar: { ...shared, appId, httpPort, ...(appPort !== undefined && { appPort }) },
    };
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const sidecar = this.createSidecar(spec, log, { onShutdown: end });
    signal.addEventListener('abort', end);
    this.joined.add(sidecar);
    try {
      await sidecar.listen();
      await Promise.race([sidecar.start(), ended]);
      await ended;
    } finally {
      await sidecar.close();
      this.joined.delete(sidecar);
    }
  };

  private startApp(member: Member): void {
    const { spec, sidecar, grpc } = member;
    const { appId, appPort } = spec.sidecar;
    if (spec.command.length === 0) return;
    const { env, print, onTerminal, apps } = this.options;
    const prefix = `== APP - ${appId} ==`;
    const app = new AppProcess({
      name: appId,
      command: spec.command,
      directory: spec.directory,
      env: {
        ...env,
        ...spec.env,
        APP_ID: appId,
        APP_PROTOCOL: 'http',
        DAPR_HTTP_PORT: String(sidecar.port),
        DAPR_GRPC_PORT: String(grpc.port),
        ...(appPort !== undefined && { APP_PORT: String(appPort) }),
        ...(onTerminal && apps.length > 1 && terminalEnv(env)),
      },
      // As in `dapr run`, a single app inherits our output, and the lines of several apps have a prefix.
      ...(apps.length > 1 && { onLine: (line: string) => print(`${prefix} ${line}`) }),
    });
    this.guard.watch(app.pid);
    member.app = app;
    this.running += 1;
    void app.ended.then(({ ok, reason }) => this.appEnded(`${appId} ended with ${reason}`, ok));
  }

  /** Reports the end of an app. As in `dapr run -f`, the other apps continue after an app has exited with 0. */
  private appEnded(ending: string, ok: boolean): void {
    this.running -= 1;
    // A stop ends the other apps, so a normal end is not reported.
    if (this.stopping) {
      if (!ok) this.options.print(ending);
    } else if (!ok) this.report(new RunError(ending));
    else {
      this.options.print(ending);
      this.hasFinished = this.running === 0;
      if (this.hasFinished) this.finish();
    }
  }

  private async stopInOrder(): Promise<boolean> {
    await Promise.all([...this.joined].map((sidecar) => sidecar.close()));
    const last = this.members.filter(({ spec }) => spec.stopsLast);
    const others = this.members.filter(({ spec }) => !spec.stopsLast);
    const publishers = others.filter(({ sidecar }) => !sidecar.hasSubscriptions);
    const receivers = others.filter(({ sidecar }) => sidecar.hasSubscriptions);
    const endings = await stopApps(publishers);
    // Events that the in-memory broker has not delivered are lost with this process. Redis keeps its events.
    const drainMs = Math.max(...this.members.map(({ spec }) => spec.sidecar.gracefulShutdownMs ?? DRAIN_MS));
    const lost = await drain(this.memory, drainMs, this.options.print);
    this.lost = lost;
    const drained = await Promise.all(receivers.map(({ sidecar }) => sidecar.close(lost > 0 ? 0 : undefined)));
    endings.push(...(await stopApps(receivers)), ...(await stopApps(last)));
    drained.push(...(await Promise.all([...publishers, ...last].map(({ sidecar }) => sidecar.close()))));
    for (const { grpc } of this.members) grpc.close();
    this.guard.dismiss();
    if (lost > 0) this.options.print(lossLine(lost));
    return lost === 0 && drained.every(Boolean) && endings.every(({ ok }) => ok);
  }

  private logOf(prefix: string): Log {
    const print = (line: string) => this.options.print(`${prefix} ${line}`);
    return { info: print, warn: (line) => print(`WARN ${line}`), error: (line) => print(`ERROR ${line}`) };
  }
}

const stopApps = (members: readonly Member[]): Promise<Ending[]> =>
  Promise.all(members.flatMap(({ app }) => (app ? [app.stop()] : [])));
