import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLocalStack } from '../stacks/local-stack';
import type { Stack } from '../stacks/stack';
import { describeAccount, settle } from './account';
import { postFollows } from './traffic';

let stack: Stack;
beforeAll(async () => {
  stack = await startLocalStack();
});
afterAll(() => stack?.stop());

test('When the servers refuse some notifications and some follows are posted twice, then each of 200 follows leads to one mail and one push message', async () => {
  await stack.inbox.setFaults({ mail: { code: 451, percent: 50 }, push: { code: 503, percent: 25 } });
  const accepted = await postFollows(stack, { follows: 200, repeated: 40 });
  await stack.inbox.clearFaults();
  const account = await settle(stack, accepted, { deadlineMs: 60_000 });
  console.log(`${stack.name}: ${describeAccount(account)}`);
  expect(account).toMatchObject({ accepted: 200, mailed: 200, pushed: 200, lost: 0, doubled: 0, doubledByKill: 0 });
}, 120_000);
