import { join } from 'node:path';
import { describe } from 'vitest';
import { hasRedisServer } from '../local/contract/redis-server';
import { deliveryScenarios } from './delivery';
import { ROOT, startLocalStack } from './local-stack';
import { startRunStack } from './run-stack';

describe('local, in memory', () => deliveryScenarios(() => startLocalStack()));

describe.skipIf(!hasRedisServer())('local, with Redis [needs redis-server]', () => {
  const dapr = [process.execPath, join(ROOT, 'dist/local/main.js')];
  deliveryScenarios(() => startRunStack({ name: 'local, with Redis', dapr, separateDaprd: false }));
});
