import { describe } from 'vitest';
import { deliveryScenarios } from './delivery';
import { DAPR_WITH_REDIS, missingForDapr } from './redis-stack';
import { startRunStack } from './run-stack';

describe.skipIf(missingForDapr)('Dapr, with Redis [needs the dapr CLI, daprd and redis-server]', () =>
  deliveryScenarios(() => startRunStack(DAPR_WITH_REDIS)),
);
