import { once } from 'node:events';
import closeWithGrace from 'close-with-grace';
import type { Express } from 'express';
import { type Config, ConfigError, type Defaults, type Environment, readConfig } from '../config';
import { createDapr, type Dapr } from '../dapr/client';
import type { Ready } from '../http/health';
import { closeServer, createHttpServer } from '../http/server';
import { createLogger, type Logger } from '../logger';

// A container runtime kills after 10 s by default; whatever still runs then is cut off by us, with a line that says so.
const STOP_TIMEOUT_MS = 9_000;

/** What a service is wired from. */
export interface Parts {
  config: Config;
  /** For the variables that only this service has. */
  env: Environment;
  logger: Logger;
  dapr: Dapr;
  /** Wraps a readiness check so that it also fails once the service is stopping. */
  unlessStopping: (ready: Ready) => Ready;
  /** Adds what is to be ended once the last request has been answered; one after the other, in the order they were added. */
  onStop: (end: () => void | Promise<void>) => void;
}

/**
 * Runs one service until it is told to stop: reads the configuration, listens last, and on SIGTERM or SIGINT finishes
 * the requests in flight before it exits with 0. What cannot start says why in one line and exits with 1.
 */
export async function runService(name: string, defaults: Defaults, wire: (parts: Parts) => Express): Promise<void> {
  const { env } = process;
  let stopping = false;
  const unlessStopping = (ready: Ready) => async () => {
    if (stopping) throw new Error('The service is stopping.');
    await ready();
  };

  const ends: (() => void | Promise<void>)[] = [];
  const onStop = (end: () => void | Promise<void>) => void ends.push(end);

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
  });
}

function fail(name: string, reason: string): void {
  process.stderr.write(`${name}: ${reason}\n`);
  process.exitCode = 1;
}
