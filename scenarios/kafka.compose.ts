import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ComposeStack, missingForKafka, startComposeStack } from './stacks/compose-stack';
import { servicesThatNotified } from './stacks/log-queries';
import { postFollow } from './stacks/post-follow';
import { SUBSCRIBERS } from './stacks/stack';

const missing = missingForKafka();
const EMAIL = 'email-notification-service';

describe.skipIf(missing)(`Docker Compose with Kafka [${missing ?? 'it is here'}]`, () => {
  let stack: ComposeStack;
  beforeAll(async () => {
    stack = await startComposeStack('kafka');
  }, 600_000);
  afterAll(() => stack?.stop(), 60_000);

  const notified = (id: string) =>
    vi.waitFor(() => expect(servicesThatNotified(stack, id)).toEqual([...SUBSCRIBERS]), { timeout: 30_000 });

  test('When up --wait returns, then a follow is delivered to both, and no event went through Redis', async () => {
    const { status, body } = await postFollow(stack, { follower: 'kafka-1', followee: 'bob' });
    expect(status).toBe(202);
    await notified(body.id);
    expect(await stack.inbox.mailsOf(body.id)).toHaveLength(1);
    expect(await stack.compose('exec', '-T', 'redis', 'redis-cli', 'EXISTS', 'followerAdded')).toBe('0\n');
  }, 60_000);

  test('When the mail server refuses for now, then the mail is tried again and arrives once', async () => {
    await stack.inbox.setFaults({ mail: { code: 451, percent: 100 } });
    const { body } = await postFollow(stack, { follower: 'kafka-2', followee: 'bob' });
    const retried = () =>
      stack.log.filter(({ eventId, msg }) => eventId === body.id && msg.startsWith('will be retried'));
    await vi.waitFor(() => expect(retried().length).toBeGreaterThan(1), { timeout: 30_000 });
    await stack.inbox.clearFaults();
    await notified(body.id);
    expect(await stack.inbox.mailsOf(body.id)).toHaveLength(1);
  }, 60_000);

  test('When the mail server refuses for good, then a replay after mending delivers that mail', async () => {
    await stack.inbox.setFaults({ mail: { code: 550, percent: 100 } });
    const { body } = await postFollow(stack, { follower: 'kafka-3', followee: 'bob' });
    const dead = () => stack.log.filter(({ eventId, msg }) => eventId === body.id && msg.startsWith('dead letter'));
    await vi.waitFor(() => expect(dead()).toHaveLength(1), { timeout: 30_000 });
    await stack.inbox.clearFaults();
    expect((await stack.replay(EMAIL)).output).toMatch(/^found 1, replayed 1, returned 0$/m);
    await notified(body.id);
    expect(await stack.inbox.mailsOf(body.id)).toHaveLength(1);
  }, 120_000);
});
