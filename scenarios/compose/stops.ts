import { expect, test, vi } from 'vitest';
import { describeAccount, settle } from '../accounting/account';
import { postFollows } from '../accounting/traffic';
import type { ComposeStack } from '../stacks/compose-stack';
import { SUBSCRIBERS } from '../stacks/stack';

/** How often the test stops the stack while mails are in flight, and starts it again. */
const STOPS = Number(process.env.STOPS ?? 2);

/** Defines the tests that a stop is clean, and that the next start continues without a loss. */
export function stopScenarios(sharedStack: () => ComposeStack): void {
  test.each(Array.from({ length: STOPS }, (_, i) => i + 1))(
    'When all containers are stopped while mails are in flight (round %i), then each exits with 0, no event is pending in Redis, and after the next start no notification is lost or doubled',
    async (round) => {
      const stack = sharedStack();
      const accepted = await postFollows(stack, { follows: 60, repeated: 0 });
      expect(await stack.stopContainers()).toBe(0);
      await stack.compose('start', 'redis');
      await vi.waitFor(async () => expect(await stack.isHealthy('redis')).toBe(true), { timeout: 20_000 });
      const pending = await Promise.all(SUBSCRIBERS.map((group) => stack.redisCli('XPENDING', 'followerAdded', group)));
      expect(pending.map((answer) => answer.split('\n')[0])).toEqual(['0', '0']);
      await stack.up();
      const account = await settle(stack, accepted, { deadlineMs: 200_000 });
      console.log(`${stack.name}, stopped ${round}: ${describeAccount(account)}`);
      expect(account).toMatchObject({ lost: 0, doubled: 0 });
    },
    300_000,
  );

  test('When all containers are stopped while the mail server refuses mails temporarily, then each exits with 0, and after the next start no notification is lost or doubled', async () => {
    const stack = sharedStack();
    await stack.inbox.setFaults({ mail: { code: 451, percent: 50 } });
    const accepted = await postFollows(stack, { follows: 60, repeated: 0 });
    await stack.inbox.clearFaults();
    expect(await stack.stopContainers()).toBe(0);
    await stack.up();
    const account = await settle(stack, accepted, { deadlineMs: 200_000 });
    console.log(`${stack.name}, stopped: ${describeAccount(account)}`);
    expect(account).toMatchObject({ lost: 0, doubled: 0 });
  }, 300_000);
}
