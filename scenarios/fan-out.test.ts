import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startLocalStack } from './stacks/local-stack';
import { accessLogLines, servicesThatNotified } from './stacks/log-queries';
import { postFollow } from './stacks/post-follow';
import { type Stack, SUBSCRIBERS } from './stacks/stack';
import { waitUntilNotified } from './stacks/wait-until-notified';

let stack: Stack;
beforeAll(async () => {
  stack = await startLocalStack();
});
afterAll(async () => {
  expect(await stack.stop()).toBe(0);
});

/** Returns the ids of the events that appear in a log line of a subscriber. */
const delivered = () =>
  new Set(
    stack.log
      .filter(({ service, eventId }) => eventId !== undefined && SUBSCRIBERS.some((name) => name === service))
      .map(({ eventId }) => eventId),
  );

describe('fan-out', () => {
  test('When one follow is posted as in the article, then both services handle it, and its event id is in the access logs of all three services', async () => {
    const { status, body } = await postFollow(stack);
    expect(status).toBe(202);
    expect(body).toEqual({ id: expect.any(String), follower: 'alice', followee: 'bob' });
    await vi.waitFor(() => expect(accessLogLines(stack, body.id)).toHaveLength(3), { timeout: 20_000 });

    const lines = accessLogLines(stack, body.id);
    expect(new Set(lines.map(({ service }) => service))).toEqual(new Set(['api-facade', ...SUBSCRIBERS]));
    expect(new Set(lines.map(({ traceId }) => traceId)).size).toBe(1);
    const traceId = lines[0]?.traceId;
    expect(lines).toContainEqual(
      expect.objectContaining({ service: 'api-facade', path: '/followers', status: 202, traceId }),
    );
    for (const service of SUBSCRIBERS) {
      expect(lines).toContainEqual(expect.objectContaining({ service, path: '/followerAdded', status: 200, traceId }));
    }
  });

  test('When a follow is posted, then both services notify the followee about the follower', async () => {
    const { body } = await postFollow(stack, { follower: 'carol', followee: 'dave' });
    await waitUntilNotified(stack, body.id, 5_000);
    const notifications = stack.log.filter(({ eventId, msg }) => eventId === body.id && msg.startsWith('notified'));
    expect(notifications.map(({ msg }) => msg).sort()).toEqual([
      'notified dave by e-mail: carol follows you',
      'notified dave by push message: carol follows you',
    ]);
  });

  test('When the request has a traceparent header, then all three access logs have its trace id', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const { body } = await postFollow(stack, undefined, { traceparent: `00-${traceId}-b7ad6b7169203331-01` });
    await vi.waitFor(
      () => expect(accessLogLines(stack, body.id).map((line) => line.traceId)).toEqual([traceId, traceId, traceId]),
      { timeout: 20_000 },
    );
  });

  test('When 100 follows are posted at once, then each service sends one notification for each', async () => {
    const posts = Array.from({ length: 100 }, (_, i) => postFollow(stack, { follower: `f${i}`, followee: 'bob' }));
    const answers = await Promise.all(posts);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(100);
    for (const { body } of answers) await waitUntilNotified(stack, body.id, 5_000);
  });
});

describe('invalid requests', () => {
  test.each([
    ['broken JSON', '{"follower"', {}, 400],
    ['a follow with an invalid name', { follower: 'a b', followee: 'bob' }, {}, 400],
    ['larger than 16 KiB', `"${'x'.repeat(20_000)}"`, {}, 413],
    ['a form', 'follower=alice&followee=bob', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ])(
    'When the body is %s, then the status is %4$s with a problem document, and no event is delivered',
    async (_, body, headers, status) => {
      const before = delivered();
      const answer = await postFollow(stack, body, headers as Record<string, string>);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(answer.body).toMatchObject({ status, detail: expect.any(String) });
      // When this later follow is delivered, an event of the first request would be delivered, too.
      const { body: next } = await postFollow(stack);
      await waitUntilNotified(stack, next.id, 5_000);
      expect(delivered()).toEqual(new Set([...before, next.id]));
    },
  );
});

describe('a suspended subscriber', () => {
  test('When one service is suspended, then the other is not delayed, and the suspended service notifies after it resumes', async () => {
    stack.suspend('push-notification-service');
    const { body } = await postFollow(stack);
    await vi.waitFor(() => expect(servicesThatNotified(stack, body.id)).toEqual(['email-notification-service']), {
      timeout: 2_000,
    });
    stack.resume('push-notification-service');
    await waitUntilNotified(stack, body.id, 5_000);
  });
});
