import { once } from 'node:events';
import closeWithGrace from 'close-with-grace';
import type { Express } from 'express';
import { type Config, ConfigError, type Defaults, type Environment, readConfig } from '../config';
import { createDapr, type Dapr } from '../dapr/client';
import type { Ready } from '../http/health';
import { closeServer, createHttpServer } from '../http/server';
import { createLogger, type Logger } from '../logger';

// Docker kills a container 10 s after the stop by default. We end before that, with a line in the log.
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
 * SIGINT it finishes the requests in progress and exits with 0. When it cannot start, it prints the reason in one line
 * and exits with 1.
 */
export async function runService(name: string, defaults: Defaults, wire: (parts: Parts) => Express): Promise<void> {
  const { env } = process;
  let stopping = false;
  const unlessStopping = (ready: Ready) => async () => {
    if (stopping) throw new Error('The service is stopping.');
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

  closeWithGrace({ delay: STOP_TIMEOUT_MS, logger }, async ({ err, signal }) => {
    stopping = true;
    if (err) logger.fatal({ err }, `stopping after an unexpected error: ${err}`);
    else logger.info(`stopping on ${signal}`);
    await closeServer(server);
    for (const end of ends) await end();
    // closeWithGrace would exit with 0.
    if (process.exitCode) process.exit();
  });
}

function fail(name: string, reason: string): void {
  process.stderr.write(`${name}: ${reason}\n`);
  process.exitCode = 1;
}
