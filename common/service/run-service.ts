import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import type { Express } from 'express';
import { type Config, ConfigError, type Defaults, type Environment, readConfig } from '../config';
import { createDapr, type Dapr } from '../dapr/client';
import { NotReady, type Ready } from '../http/health';
import { closeAfterAnswers, closeServer, createHttpServer } from '../http/server';
import { createLogger, type Logger } from '../logger';

// Docker kills a container 10 s after the stop by default (docker-compose.yml allows more). We end before that, with a line in the log. This time begins
// after SHUTDOWN_DELAY_MS, so with a delay, Docker's limit must be longer.
const STOP_TIMEOUT_MS = 9_000;

type End = () => void | Promise<void>;

/** The parts that a service is wired from. */
export interface Parts {
  config: Config;
  /** For variables that only this service has. */
  env: Environment;
  logger: Logger;
  dapr: Dapr;
  /** Returns a readiness check that also fails when the service is stopping. */
  unlessStopping: (ready: Ready) => Ready;
  /** Adds a function to call at a stop, after the last request is answered. The functions run one after the other, in the order in which they were added. */
  onStop: (end: End) => void;
}

/**
 * Runs one service until it is told to stop. It reads the configuration, wires the app and listens. On SIGTERM or
 * SIGINT it answers `/readyz` with 503, serves for `SHUTDOWN_DELAY_MS`, finishes the requests in progress and exits
 * with 0. When it cannot start, it prints the reason in one line and exits with 1.
 */
export async function runService(name: string, defaults: Defaults, wire: (parts: Parts) => Express): Promise<void> {
  const { env } = process;
  let stopping = false;
  const unlessStopping = (ready: Ready) => async () => {
    if (stopping) throw new NotReady('The service is stopping.');
    await ready();
  };

  const ends: End[] = [];
  const onStop = (end: End) => void ends.push(end);

  let config: Config;
  let logger: Logger;
  let app: Express;
  try {
    config = readConfig(env, defaults);
    logger = createLogger(name, config);
    app = wire({ config, env, logger, dapr: createDapr(config), unlessStopping, onStop });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return fail(name, error.message);
  }
  const server = createHttpServer(app);
  server.listen(config.appPort, config.listenAddress);
  try {
    await once(server, 'listening');
  } catch (error) {
    return fail(name, `cannot listen on ${config.listenAddress}:${config.appPort}: ${(error as Error).message}`);
  }
  logger.info(`listening on ${config.listenAddress}:${config.appPort}`);

  const { shutdownDelayMs } = config;
  closeWithGrace({ delay: shutdownDelayMs + STOP_TIMEOUT_MS, logger }, async ({ err, signal }) => {
    stopping = true;
    if (err) logger.fatal({ err }, `stopping after an unexpected error: ${err}`);
    else logger.info(`stopping on ${signal}`);
    // A load balancer asks for /readyz every few seconds. Until it sees the 503, it sends requests to this service.
    // After an unexpected error, the service is no longer fit to serve.
    closeAfterAnswers(server);
    if (!err) await sleep(shutdownDelayMs);
    await closeServer(server);
    for (const end of ends) await end();
    // At an exit, pino would write the rest of the log before the line that is being written.
    await new Promise<void>((resolve) => logger.flush(() => resolve()));
    // closeWithGrace would exit with 0.
    if (process.exitCode) process.exit();
  });
}

function fail(name: string, reason: string): void {
  process.stderr.write(`${name}: ${reason}\n`);
  process.exitCode = 1;
}
