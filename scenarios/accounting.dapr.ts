import { describe } from 'vitest';
import { accountingScenario } from './accounting-with-kills';
import { DAPR_WITH_REDIS, missingForDapr } from './redis-stack';
import { startRunStack } from './run-stack';

describe.skipIf(missingForDapr)('Dapr, with Redis [needs the dapr CLI, daprd and redis-server]', () =>
  accountingScenario(() => startRunStack({ ...DAPR_WITH_REDIS, processingTimeoutMs: 30_000 }), 1_000),
);
