import { describe } from 'vitest';
import { fullRedisScenarios } from './full-redis';
import { DAPR_WITH_REDIS, missingForDapr } from './stacks/redis-stack';
import { startRunStack } from './stacks/run-stack';

describe.skipIf(missingForDapr)('Dapr, with Redis [needs the dapr CLI, daprd and redis-server]', () =>
  fullRedisScenarios(() => startRunStack(DAPR_WITH_REDIS)),
);
