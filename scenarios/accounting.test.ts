import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasRedisServer } from '../local/contract/redis-server';
import { postFollows, settle, table } from './accounting';
import { accountingScenario } from './accounting-with-kills';
import { ROOT, startLocalStack } from './local-stack';
import { startRunStack } from './run-stack';
import type { Stack } from './stack';

describe('local, in memory', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startLocalStack();
  });
  afterAll(() => stack?.stop());

  test('When servers refuse and events come twice, then each of 200 follows ends in one mail and one push message', async () => {
    await stack.inbox.break({ mail: { code: 451, percent: 50 }, push: { code: 503, percent: 25 } });
    const ids = await postFollows(stack, { follows: 200, repeated: 40 });
    await stack.inbox.break();
    const account = await settle(stack, ids, { deadlineMs: 60_000 });
    console.log(`${stack.name}: ${table(account)}`);
    expect(account).toMatchObject({ accepted: 200, mailed: 200, pushed: 200, lost: 0, doubled: 0, doubledByKill: 0 });
  }, 120_000);
});

describe.skipIf(!hasRedisServer())('local, with Redis [needs redis-server]', () => {
  const dapr = [process.execPath, join(ROOT, 'dist/local/main.js')];
  const options = { name: 'local, with Redis', dapr, separateDaprd: false, processingTimeoutMs: 15_000 };
  accountingScenario(() => startRunStack(options), 300);
});
