import { isIP } from 'node:net';
import { APP_HEALTH_DEFAULTS, type AppHealthOptions } from '../app-health';
import { parseDurationMs } from '../resources/duration';
import type { SidecarOptions } from '../sidecar';
import { type CommandLine, UsageError } from './flags';

/** One app of a run: what its sidecar is like, and how the app itself is started. */
export interface AppSpec {
  sidecar: SidecarOptions & { appId: string };
  /** Empty: the sidecar runs alone. */
  command: readonly string[];
  /** Where the command is run. */
  directory: string;
  /** Variables that the app gets besides those of this process. */
  env: Readonly<Record<string, string>>;
  /** The others need it until they have finished. */
  stopsLast: boolean;
}

/** Settings of one app that a flag or a line of a run file may give. Undefined and 0 or less: not set. */
export interface AppSettings {
  appId: string;
  appPort?: number | undefined;
  appProtocol?: string | undefined;
  appMaxConcurrency?: number | undefined;
  appChannelAddress?: string | undefined;
  daprHttpPort?: number | undefined;
  listenAddresses?: string | undefined;
  resourcesPaths: readonly string[];
  configFile?: string | undefined;
  maxBodySize?: string | undefined;
  gracefulShutdownSeconds?: number | undefined;
  blockShutdownDuration?: string | undefined;
  enableAppHealthCheck?: boolean | undefined;
  appHealthCheckPath?: string | undefined;
  /** In seconds, as `dapr run` has it. */
  appHealthProbeInterval?: number | undefined;
  /** In milliseconds. */
  appHealthProbeTimeout?: number | undefined;
  appHealthThreshold?: number | undefined;
}

/** The sidecar that some settings ask for. @throws {UsageError} for a value that is not supported */
export function sidecarOptions(settings: AppSettings): SidecarOptions & { appId: string } {
  const { appId, resourcesPaths, configFile, gracefulShutdownSeconds, maxBodySize } = settings;
  const wrong = (what: string, value: string, allowed: string): never => {
    throw new UsageError(`${appId}: ${what} is ${JSON.stringify(value)}; allowed: ${allowed}`);
  };
  const port = (what: string, value: number | undefined) => {
    if (value === undefined || value <= 0) return undefined;
    return value <= 65535 ? value : wrong(what, String(value), 'a port from 1 to 65535');
  };
  const { appProtocol = 'http', appChannelAddress = '127.0.0.1', listenAddresses } = settings;
  if (appProtocol !== 'http') wrong('app-protocol', appProtocol, 'http');
  if (!['127.0.0.1', 'localhost'].includes(appChannelAddress))
    wrong('app-channel-address', appChannelAddress, '127.0.0.1');
  const listenAddress = listenAddresses?.split(',')[0]?.trim();
  if (listenAddress && !isIP(listenAddress)) wrong('dapr-listen-addresses', listenAddress, 'an IP address');
  const appPort = port('app-port', settings.appPort);
  const httpPort = port('dapr-http-port', settings.daprHttpPort);
  const { appMaxConcurrency = 0, blockShutdownDuration = '' } = settings;
  const blockShutdownMs = blockShutdownDuration === '' ? 0 : parseDurationMs(blockShutdownDuration);
  return {
    appId,
    resourcesPaths,
    ...(appPort !== undefined && { appPort }),
    ...(httpPort !== undefined && { httpPort }),
    ...(listenAddress && { listenAddress }),
    ...(configFile && { configFile }),
    ...(appMaxConcurrency > 0 && { appMaxConcurrency }),
    ...(gracefulShutdownSeconds !== undefined && { gracefulShutdownMs: gracefulShutdownSeconds * 1_000 }),
    blockShutdownMs:
      blockShutdownMs ?? wrong('dapr-block-shutdown-duration', blockShutdownDuration, 'a duration such as 5s'),
    ...(settings.enableAppHealthCheck && { appHealth: appHealth(settings) }),
    ...(maxBodySize && {
      maxBodyBytes: bytes(maxBodySize) ?? wrong('max-body-size', maxBodySize, 'a size such as 4Mi'),
    }),
  };
}

/** 0 and less stand for the default, as in `dapr run`. */
function appHealth(settings: AppSettings): AppHealthOptions {
  const { appHealthCheckPath: path, appHealthProbeInterval: interval = 0 } = settings;
  const { appHealthProbeTimeout: timeoutMs = 0, appHealthThreshold: threshold = 0 } = settings;
  return {
    path: path || APP_HEALTH_DEFAULTS.path,
    intervalMs: interval > 0 ? interval * 1_000 : APP_HEALTH_DEFAULTS.intervalMs,
    timeoutMs: timeoutMs > 0 ? timeoutMs : APP_HEALTH_DEFAULTS.timeoutMs,
    threshold: threshold > 0 ? threshold : APP_HEALTH_DEFAULTS.threshold,
  };
}

/** Kubernetes' way to write sizes; a bare number of up to three digits means MB, as in older versions of Dapr. */
function bytes(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d+)(Ki|Mi|Gi|k|M|G)?$/.exec(text) ?? [];
  if (amount === undefined) return undefined;
  const factors: Record<string, number> = { '': 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, k: 1e3, M: 1e6, G: 1e9 };
  return Number(amount) * (factors[unit] ?? 1);
}

/** The app of a `run` without a run file. @throws {UsageError} */
export function appFromFlags({ flags, command }: CommandLine): AppSpec {
  const sidecar = sidecarOptions({
    appId: flags['app-id'] || 'app',
    appPort: flags['app-port'],
    appProtocol: flags['app-protocol'],
    appMaxConcurrency: flags['app-max-concurrency'],
    appChannelAddress: flags['app-channel-address'],
    daprHttpPort: flags['dapr-http-port'],
    listenAddresses: flags['dapr-listen-addresses'],
    resourcesPaths: flags['resources-path'] ?? (flags['components-path'] ? [flags['components-path']] : []),
    configFile: flags.config,
    maxBodySize: flags['max-body-size'],
    gracefulShutdownSeconds: flags['dapr-graceful-shutdown-seconds'],
    blockShutdownDuration: flags['dapr-block-shutdown-duration'],
    enableAppHealthCheck: flags['enable-app-health-check'],
    appHealthCheckPath: flags['app-health-check-path'],
    appHealthProbeInterval: flags['app-health-probe-interval'],
    appHealthProbeTimeout: flags['app-health-probe-timeout'],
    appHealthThreshold: flags['app-health-threshold'],
  });
  return { sidecar, command, directory: process.cwd(), env: {}, stopsLast: false };
}
