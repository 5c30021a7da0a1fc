import { describe } from 'vitest';
import { findDaprd, hasDaprCli } from '../local/contract/daprd';
import { hasRedisServer } from '../local/contract/redis-server';
import { deliveryScenarios } from './delivery';
import { startRunStack } from './run-stack';

const missing = !hasDaprCli() || !findDaprd() || !hasRedisServer();

describe.skipIf(missing)('Dapr, with Redis [needs the dapr CLI, daprd and redis-server]', () => {
  deliveryScenarios(() => startRunStack({ name: 'Dapr, with Redis', dapr: ['dapr'], separateDaprd: true }));
});
