import type { AppHealthOptions } from './app-health';
import type { SharedMemory } from './components';
import type { Environment } from './environment';
import type { Directory } from './invocation/directory';
import type { Log } from './log';
import type { Probe } from './probe';
import type { Join } from './run/join';

/** daprd's defaults. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
export const MAX_HEADER_BYTES = 4 * 1024;
export const LISTEN_ADDRESS = '127.0.0.1';
export const GRACEFUL_SHUTDOWN_MS = 5_000;

/** The options of one sidecar. All have defaults except `appId`. */
export interface SidecarOptions {
  appId: string;
  /** The port on which the app listens. Without it, nothing is delivered. */
  appPort?: number;
  /** The port of the Dapr API. 0, the default, means a free port. */
  httpPort?: number;
  /** Default: 127.0.0.1. On loopback addresses, the API refuses web pages of other origins. */
  listenAddresses?: readonly string[];
  /** A second port, for health and metadata alone and without a token. Default: none. */
  publicPort?: number;
  /** Default: the first of `listenAddresses`. */
  publicListenAddress?: string;
  /** The origins whose pages may use the API: `*`, or origins with commas between them. Default: none. With it, the API refuses no page, as daprd's. */
  allowedOrigins?: string;
  /** Folders with Component, Resiliency and Subscription files. Default: `pubsub` and `statestore`, both in memory. */
  resourcesPaths?: readonly string[];
  /** A Configuration file. */
  configFile?: string;
  /** The token that callers of the API must send as `dapr-api-token`. */
  apiToken?: string;
  /** The token that the sidecar sends to the app as `dapr-api-token`. */
  appToken?: string;
  /** The concurrency limit for requests to the app. Default: no limit. */
  appMaxConcurrency?: number;
  /** The paths of the app that are not requested at the start: `config` for /dapr/config, `subscribe` for /dapr/subscribe. */
  disabledInitEndpoints?: readonly string[];
  /** The health check of the app. Default: none. */
  appHealth?: AppHealthOptions;
  /** The limit for a request to the API and for the answer of the app to a delivery. Default: 4 MiB. */
  maxBodyBytes?: number;
  /** The limit for the headers of an answer of the app. For a request to the API, it is 4 KiB more. Default: 4 KiB. */
  maxHeaderBytes?: number;
  /** How long deliveries in flight may take after `close`. Default: 5 s. */
  gracefulShutdownMs?: number;
  /** How long the API still answers after `close`, before that time begins. Default: 0. */
  blockShutdownMs?: number;
  /** In-memory brokers and stores. Sidecars with the same `memory` share them. */
  memory?: SharedMemory;
  /** The list in which sidecars find each other. Default: one list for all sidecars of this user on this machine. */
  directory?: Directory;
  /** The variables that `envRef` can name. Default: the environment of this process. */
  env?: Environment;
  /** Default: no log. */
  log?: Log;
  /** Called on `POST /v1.0/shutdown`. Default: the sidecar closes. */
  onShutdown?: () => void;
  /** Called on `POST /v1.0/shutdown` with the header `dapr-force-shutdown`. Default: as without it. */
  onForcedShutdown?: () => void;
  /**
   * Called when a component that was added or changed while the sidecar runs cannot be created. daprd exits then.
   * Default: the log has the reason, and the sidecar follows no more changes.
   */
  onReloadFailed?: (error: Error) => void;
  /** Called when an app of another process asks for a sidecar in this process. */
  onJoin?: Join;
  /** Observes the sidecar and interferes. `startTestSidecar` uses it. */
  probe?: Probe;
}
