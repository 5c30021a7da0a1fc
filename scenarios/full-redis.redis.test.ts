import { describe } from 'vitest';
import { fullRedisScenarios } from './full-redis';
import { LOCAL_WITH_REDIS, missingForRedis } from './stacks/redis-stack';
import { startRunStack } from './stacks/run-stack';

describe.skipIf(missingForRedis)('local, with Redis [needs redis-server]', () =>
  fullRedisScenarios(() => startRunStack(LOCAL_WITH_REDIS)),
);
