import { describe } from 'vitest';
import { DAPR_WITH_REDIS, missingForDapr } from '../stacks/redis-stack';
import { startRunStack } from '../stacks/run-stack';
import { accountingScenario } from './accounting-with-kills';

describe.skipIf(missingForDapr)('Dapr, with Redis [needs the dapr CLI, daprd and redis-server]', () =>
  accountingScenario(() => startRunStack({ ...DAPR_WITH_REDIS, processingTimeoutMs: 30_000 }), 1_000),
);
