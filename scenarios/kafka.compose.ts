import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { networkScenarios } from './compose/networks';
import { missingForKafka } from './stacks/compose-requirements';
import { type ComposeStack, startComposeStack } from './stacks/compose-stack';
import { postFollow } from './stacks/post-follow';
import { waitUntilNotified } from './stacks/wait-until-notified';

const missing = missingForKafka();
const EMAIL = 'email-notification-service';

describe.skipIf(missing)(`Docker Compose with Kafka [${missing ?? 'available'}]`, () => {
  let stack: ComposeStack;
  beforeAll(async () => {
    stack = await startComposeStack({ broker: 'kafka' });
  }, 600_000);
  afterAll(() => stack?.stop(), 60_000);

  test('When up --wait has returned, then both services notify about a follow, and no event goes through Redis', async () => {
    const { status, body } = await postFollow(stack, { follower: 'kafka-1', followee: 'bob' });
    expect(status).toBe(202);
    await waitUntilNotified(stack, body.id, 30_000);
    expect(await stack.inbox.mailsOf(body.id)).toHaveLength(1);
    expect(await stack.redisCli('EXISTS', 'followerAdded')).toBe('0\n');
  }, 60_000);

  networkScenarios(() => stack, ['kafka 9092', 'redis 6379']);

  test('When the mail server refuses mails temporarily, then the mail is retried and arrives once', async () => {
    await stack.inbox.setFaults({ mail: { code: 451, percent: 100 } });
    const { body } = await postFollow(stack, { follower: 'kafka-2', followee: 'bob' });
    const retried = () =>
      stack.log.filter(({ eventId, msg }) => eventId === body.id && msg.startsWith('will be retried'));
    await vi.waitFor(() => expect(retried().length).toBeGreaterThan(1), { timeout: 30_000 });
    await stack.inbox.clearFaults();
    await waitUntilNotified(stack, body.id, 30_000);
    expect(await stack.inbox.mailsOf(body.id)).toHaveLength(1);
  }, 60_000);

  test('When the mail server refuses a mail permanently, then a replay after the repair delivers it', async () => {
    await stack.inbox.setFaults({ mail: { code: 550, percent: 100 } });
    const { body } = await postFollow(stack, { follower: 'kafka-3', followee: 'bob' });
    const dead = () => stack.log.filter(({ eventId, msg }) => eventId === body.id && msg.startsWith('dead letter'));
    await vi.waitFor(() => expect(dead()).toHaveLength(1), { timeout: 30_000 });
    await stack.inbox.clearFaults();
    expect((await stack.replay(EMAIL)).output).toMatch(/^found 1, replayed 1, returned 0$/m);
    await waitUntilNotified(stack, body.id, 30_000);
    expect(await stack.inbox.mailsOf(body.id)).toHaveLength(1);
  }, 120_000);
});
