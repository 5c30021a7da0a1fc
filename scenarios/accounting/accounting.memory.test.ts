import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLocalStack } from '../stacks/local-stack';
import type { Stack } from '../stacks/stack';
import { postFollows, settle, table } from './accounting';

let stack: Stack;
beforeAll(async () => {
  stack = await startLocalStack();
});
afterAll(() => stack?.stop());

test('When servers refuse and events come twice, then each of 200 follows ends in one mail and one push message', async () => {
  await stack.inbox.break({ mail: { code: 451, percent: 50 }, push: { code: 503, percent: 25 } });
  const accepted = await postFollows(stack, { follows: 200, repeated: 40 });
  await stack.inbox.break();
  const account = await settle(stack, accepted, { deadlineMs: 60_000 });
  console.log(`${stack.name}: ${table(account)}`);
  expect(account).toMatchObject({ accepted: 200, mailed: 200, pushed: 200, lost: 0, doubled: 0, doubledByKill: 0 });
}, 120_000);
