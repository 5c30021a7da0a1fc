import { describe } from 'vitest';
import { deliveryScenarios } from './delivery';
import { LOCAL_WITH_REDIS, missingForRedis } from './redis-stack';
import { startRunStack } from './run-stack';

describe.skipIf(missingForRedis)('local, with Redis [needs redis-server]', () =>
  deliveryScenarios(() => startRunStack(LOCAL_WITH_REDIS)),
);
