import { describe } from 'vitest';
import { deliveryScenarios } from './delivery';
import { inBatches, LOCAL_WITH_REDIS, missingForRedis } from './stacks/redis-stack';
import { startRunStack } from './stacks/run-stack';

describe.skipIf(missingForRedis)('local, with Redis [needs redis-server]', () => {
  describe('one by one', () => deliveryScenarios(() => startRunStack(LOCAL_WITH_REDIS)));
  describe('in batches', () => deliveryScenarios(() => startRunStack(inBatches(LOCAL_WITH_REDIS))));
});
