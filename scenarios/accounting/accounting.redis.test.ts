import { describe } from 'vitest';
import { LOCAL_WITH_REDIS, missingForRedis } from '../stacks/redis-stack';
import { startRunStack } from '../stacks/run-stack';
import { accountingScenario } from './accounting-with-kills';

describe.skipIf(missingForRedis)('local, with Redis [needs redis-server]', () =>
  accountingScenario(() => startRunStack({ ...LOCAL_WITH_REDIS, processingTimeoutMs: 15_000 }), 200),
);
