import { join } from 'node:path';
import { findDaprd, hasDaprCli } from '../../local/testing/daprd';
import { hasRedisServer } from '../../local/testing/redis-server';
import { ROOT } from './root';
import type { RunStackOptions } from './run-stack';

/** Whether the stack with Redis cannot run here. */
export const missingForRedis = !hasRedisServer();
/** Whether the stack with Dapr and Redis cannot run here. */
export const missingForDapr = missingForRedis || !findDaprd() || !hasDaprCli();

export const LOCAL_WITH_REDIS: RunStackOptions = {
  name: 'local, with Redis',
  dapr: [process.execPath, join(ROOT, 'dist/local/main.js')],
  // As long as daprd waits for deliveries that are retried.
  flags: ['--dapr-graceful-shutdown-seconds', '50'],
  separateDaprd: false,
};

export const DAPR_WITH_REDIS: RunStackOptions = { name: 'Dapr, with Redis', dapr: ['dapr'], separateDaprd: true };

/** Returns the same options with bulk subscriptions, so that Dapr delivers up to 100 events in one request. */
export const inBatches = (options: RunStackOptions): RunStackOptions => ({
  ...options,
  name: `${options.name}, in batches`,
  env: { EVENTS_PER_DELIVERY: '100' },
});
