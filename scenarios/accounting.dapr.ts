import { describe } from 'vitest';
import { findDaprd, hasDaprCli } from '../local/contract/daprd';
import { hasRedisServer } from '../local/contract/redis-server';
import { accountingScenario } from './accounting-with-kills';
import { startRunStack } from './run-stack';

const missing = !hasDaprCli() || !findDaprd() || !hasRedisServer();

describe.skipIf(missing)('Dapr, with Redis [needs the dapr CLI, daprd and redis-server]', () => {
  const options = { name: 'Dapr, with Redis', dapr: ['dapr'], separateDaprd: true, processingTimeoutMs: 30_000 };
  accountingScenario(() => startRunStack(options), 1_000);
});
