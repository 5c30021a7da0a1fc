import { describe } from 'vitest';
import { deliveryScenarios } from './delivery';
import { DAPR_WITH_REDIS, inBatches, missingForDapr } from './stacks/redis-stack';
import { startRunStack } from './stacks/run-stack';

describe.skipIf(missingForDapr)('Dapr, with Redis [needs the dapr CLI, daprd and redis-server]', () => {
  describe('one by one', () => deliveryScenarios(() => startRunStack(DAPR_WITH_REDIS)));
  describe('in batches', () => deliveryScenarios(() => startRunStack(inBatches(DAPR_WITH_REDIS))));
});
