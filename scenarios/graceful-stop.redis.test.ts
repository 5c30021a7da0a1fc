import { describe } from 'vitest';
import { gracefulStopScenarios } from './graceful-stop';
import { LOCAL_WITH_REDIS, missingForRedis } from './stacks/redis-stack';
import { startRunStack } from './stacks/run-stack';

describe.skipIf(missingForRedis)('local, with Redis [needs redis-server]', () =>
  gracefulStopScenarios(() => startRunStack({ ...LOCAL_WITH_REDIS, processingTimeoutMs: 15_000 })),
);
