import { isIP } from 'node:net';
import { APP_HEALTH_DEFAULTS, type AppHealthOptions } from '../app-health';
import { parseDurationMs } from '../resources/duration';
import type { SidecarOptions } from '../sidecar-options';
import { UsageError } from '../usage-error';
import { installedResources } from './default-resources';
import type { CommandLine } from './flags';

/** One app of a run: the options of its sidecar, and the command of the app. */
export interface AppSpec {
  sidecar: SidecarOptions & { appId: string };
  /** Empty: the sidecar runs alone. */
  command: readonly string[];
  /** The working directory of the command. */
  directory: string;
  /** Variables for the app, in addition to the environment of this process. */
  env: Readonly<Record<string, string>>;
  /** The port of the gRPC API, where connections are refused. Undefined: a free port. */
  grpcPort?: number | undefined;
  /** Whether the app stops after all others, because they need it until they have finished. */
  stopsLast: boolean;
}

/** The settings of one app, from flags or a run file. Undefined and numbers up to 0 mean that a setting is not set. */
export interface AppSettings {
  appId: string;
  appPort?: number | undefined;
  appProtocol?: string | undefined;
  appMaxConcurrency?: number | undefined;
  appChannelAddress?: string | undefined;
  daprHttpPort?: number | undefined;
  listenAddresses?: string | undefined;
  publicPort?: number | undefined;
  publicListenAddress?: string | undefined;
  allowedOrigins?: string | undefined;
  resourcesPaths: readonly string[];
  configFile?: string | undefined;
  disabledInitEndpoints?: readonly string[] | undefined;
  maxBodySize?: string | undefined;
  readBufferSize?: string | undefined;
  gracefulShutdownSeconds?: number | undefined;
  blockShutdownDuration?: string | undefined;
  enableAppHealthCheck?: boolean | undefined;
  appHealthCheckPath?: string | undefined;
  /** In seconds, as in `dapr run`. */
  appHealthProbeInterval?: number | undefined;
  /** In milliseconds. */
  appHealthProbeTimeout?: number | undefined;
  appHealthThreshold?: number | undefined;
}

/** Returns the sidecar options for these settings. @throws {UsageError} for an unsupported value */
export function sidecarOptions(settings: AppSettings): SidecarOptions & { appId: string } {
  const { appId, resourcesPaths, configFile, gracefulShutdownSeconds, maxBodySize, readBufferSize } = settings;
  const wrong = (flag: string, value: string, allowed: string): never => {
    throw new UsageError(`${appId}: ${flag} is ${JSON.stringify(value)}; allowed: ${allowed}`);
  };
  const port = (flag: string, value: number | undefined) => {
    if (value === undefined || value <= 0) return undefined;
    return value <= 65535 ? value : wrong(flag, String(value), 'a port from 1 to 65535');
  };
  const { appProtocol = 'http', appChannelAddress = '127.0.0.1', listenAddresses } = settings;
  if (appProtocol !== 'http') wrong('app-protocol', appProtocol, 'http');
  if (!['127.0.0.1', 'localhost'].includes(appChannelAddress))
    wrong('app-channel-address', appChannelAddress, '127.0.0.1');
  const addresses = (listenAddresses ?? '')
    .replace(/[[\]]/g, '')
    .split(',')
    .map((address) => address.trim());
  const listenOn = addresses.filter((address) => address !== '');
  for (const address of listenOn) if (!isIP(address)) wrong('dapr-listen-addresses', address, 'an IP address');
  const publicPort = port('dapr-public-port', settings.publicPort);
  const { publicListenAddress, allowedOrigins, disabledInitEndpoints } = settings;
  for (const name of disabledInitEndpoints ?? []) {
    if (!['config', 'subscribe'].includes(name)) wrong('disable-init-endpoints', name, 'config, subscribe');
  }
  const appPort = port('app-port', settings.appPort);
  const httpPort = port('dapr-http-port', settings.daprHttpPort);
  const { appMaxConcurrency = 0, blockShutdownDuration = '' } = settings;
  const blockShutdownMs = blockShutdownDuration === '' ? 0 : parseDurationMs(blockShutdownDuration);
  return {
    appId,
    resourcesPaths,
    ...(appPort !== undefined && { appPort }),
    ...(httpPort !== undefined && { httpPort }),
    ...(listenOn.length > 0 && { listenAddresses: listenOn }),
    ...(publicPort !== undefined && { publicPort }),
    ...(publicListenAddress && { publicListenAddress }),
    ...(allowedOrigins && { allowedOrigins }),
    ...(disabledInitEndpoints && { disabledInitEndpoints }),
    ...(configFile && { configFile }),
    ...(appMaxConcurrency > 0 && { appMaxConcurrency }),
    ...(gracefulShutdownSeconds !== undefined && { gracefulShutdownMs: gracefulShutdownSeconds * 1_000 }),
    blockShutdownMs:
      blockShutdownMs ?? wrong('dapr-block-shutdown-duration', blockShutdownDuration, 'a duration such as 5s'),
    ...(settings.enableAppHealthCheck && { appHealth: appHealth(settings) }),
    ...(maxBodySize && {
      maxBodyBytes: bytes(maxBodySize) ?? wrong('max-body-size', maxBodySize, 'a size such as 4Mi'),
    }),
    ...(readBufferSize && {
      maxHeaderBytes: bytes(readBufferSize) ?? wrong('read-buffer-size', readBufferSize, 'a size such as 4Ki'),
    }),
  };
}

/** Returns the health check options. As in `dapr run`, a number up to 0 means the default. */
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

/** Returns the bytes of a size in the format of Kubernetes, such as 4Mi; undefined for an invalid size. */
function bytes(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d+)(Ki|Mi|Gi|k|M|G)?$/.exec(text) ?? [];
  if (amount === undefined) return undefined;
  const factors: Record<string, number> = { '': 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, k: 1e3, M: 1e6, G: 1e9 };
  return Number(amount) * (factors[unit] ?? 1);
}

const kibibytes = (count: number | undefined) => (count === undefined ? undefined : `${count}Ki`);

/** Returns the app of a `run` without a run file. @throws {UsageError} for an unsupported value */
export function appFromFlags({ flags, command }: CommandLine): AppSpec {
  const installed = installedResources(flags['runtime-path']);
  const folders = flags['resources-path'] ?? flags['components-path'] ?? installed.resourcesPath ?? [];
  const sidecar = sidecarOptions({
    appId: flags['app-id'] || 'app',
    appPort: flags['app-port'],
    appProtocol: flags['app-protocol'],
    appMaxConcurrency: flags['app-max-concurrency'],
    appChannelAddress: flags['app-channel-address'],
    daprHttpPort: flags['dapr-http-port'],
    listenAddresses: flags['dapr-listen-addresses'],
    publicPort: flags['dapr-public-port'],
    publicListenAddress: flags['dapr-public-listen-address'],
    allowedOrigins: flags['allowed-origins'],
    disabledInitEndpoints: flags['disable-init-endpoints'],
    resourcesPaths: [folders].flat(),
    configFile: flags.config ?? installed.configFile,
    maxBodySize: flags['max-body-size'],
    readBufferSize: flags['read-buffer-size'] ?? kibibytes(flags['dapr-http-read-buffer-size']),
    gracefulShutdownSeconds: flags['dapr-graceful-shutdown-seconds'],
    blockShutdownDuration: flags['dapr-block-shutdown-duration'],
    enableAppHealthCheck: flags['enable-app-health-check'],
    appHealthCheckPath: flags['app-health-check-path'],
    appHealthProbeInterval: flags['app-health-probe-interval'],
    appHealthProbeTimeout: flags['app-health-probe-timeout'],
    appHealthThreshold: flags['app-health-threshold'],
  });
  const grpcPort = flags['dapr-grpc-port'];
  return { sidecar, command, directory: process.cwd(), env: {}, grpcPort, stopsLast: false };
}
