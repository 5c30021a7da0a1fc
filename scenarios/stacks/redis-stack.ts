import { join } from 'node:path';
import { findDaprd, hasDaprCli } from '../../local/testing/daprd';
import { hasRedisServer } from '../../local/testing/redis-server';
import { ROOT } from './root';
import type { RunStackOptions } from './run-stack';

export const missingForRedis = !hasRedisServer();
export const missingForDapr = missingForRedis || !findDaprd() || !hasDaprCli();

export const LOCAL_WITH_REDIS: RunStackOptions = {
  name: 'local, with Redis',
  dapr: [process.execPath, join(ROOT, 'dist/local/main.js')],
  separateDaprd: false,
};

export const DAPR_WITH_REDIS: RunStackOptions = { name: 'Dapr, with Redis', dapr: ['dapr'], separateDaprd: true };

/** The same, with Dapr's bulk subscriptions. */
export const inBatches = (options: RunStackOptions): RunStackOptions => ({
  ...options,
  name: `${options.name}, in batches`,
  env: { EVENTS_PER_DELIVERY: '100' },
});
