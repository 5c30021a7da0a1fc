import { describe } from 'vitest';
import { accountingScenario } from './accounting-with-kills';
import { LOCAL_WITH_REDIS, missingForRedis } from './redis-stack';
import { startRunStack } from './run-stack';

describe.skipIf(missingForRedis)('local, with Redis [needs redis-server]', () =>
  accountingScenario(() => startRunStack({ ...LOCAL_WITH_REDIS, processingTimeoutMs: 15_000 }), 200),
);
