import { describe } from 'vitest';
import { gracefulStopScenarios } from './graceful-stop';
import { DAPR_WITH_REDIS, missingForDapr } from './stacks/redis-stack';
import { startRunStack } from './stacks/run-stack';

describe.skipIf(missingForDapr)('Dapr, with Redis [needs the dapr CLI, daprd and redis-server]', () =>
  gracefulStopScenarios(() => startRunStack({ ...DAPR_WITH_REDIS, processingTimeoutMs: 30_000 }), 2),
);
