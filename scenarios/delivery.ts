import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { notifiedBy, postFollower } from './follow';
import { type Stack, SUBSCRIBERS } from './stack';

const SOON = { timeout: 15_000 };
const EMAIL = 'email-notification-service';
const PUSH = 'push-notification-service';

/** What is promised of every follow that was accepted, whatever the stack: one mail and one push message. */
export function deliveryScenarios(startStack: () => Promise<Stack>): void {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  }, 60_000);
  afterAll(() => stack?.stop(), 30_000);
  beforeEach(() => stack.inbox.break());

  const follow = async (headers: Record<string, string> = {}) =>
    (await postFollower(stack, undefined, headers)).body.id;
  const mailsOf = (id: string) => stack.inbox.mailsOf(id);
  const pushesOf = (id: string) => stack.inbox.pushesOf(id);

  /** One mail and one push message, and no more once both services say that they are done. */
  const arrived = async (id: string) => {
    await vi.waitFor(() => expect(notifiedBy(stack, id)).toEqual([...SUBSCRIBERS]), SOON);
    expect(await mailsOf(id)).toHaveLength(1);
    expect(await pushesOf(id)).toHaveLength(1);
  };
  const logged = (service: string, id: string, start: string) =>
    stack.log.filter((line) => line.service === service && line.eventId === id && line.msg.startsWith(start));
  const isDeadLetter = (service: string, id: string) =>
    vi.waitFor(() => expect(logged(service, id, 'dead letter: ')).not.toHaveLength(0), SOON);

  test('When somebody gains a follower, then they get one mail and one push message that say who', async () => {
    const id = await follow();
    await arrived(id);
    const [mail] = await mailsOf(id);
    const [push] = await pushesOf(id);
    expect(mail).toMatchObject({
      Subject: 'alice follows you',
      To: [{ Name: 'bob', Address: 'bob@example.test' }],
      MessageID: `${id}.email-notification-service@example.test`,
    });
    expect(await stack.inbox.text(mail as NonNullable<typeof mail>)).toMatchObject({
      Text: expect.stringContaining('alice follows you now.'),
      HTML: expect.stringContaining('<b>alice</b> follows you now.'),
    });
    expect(push).toMatchObject({ topic: 'followers-bob', title: 'New follower', message: 'alice follows you' });
  });

  test('When the mail server refuses for now, then the mail is tried again and arrives once; the push is not delayed', async () => {
    await stack.inbox.break({ mail: { code: 451, percent: 100 } });
    const id = await follow();
    await vi.waitFor(async () => expect(await pushesOf(id)).toHaveLength(1), SOON);
    await vi.waitFor(() => expect(logged(EMAIL, id, 'will be retried: ').length).toBeGreaterThan(1), SOON);
    expect(await mailsOf(id)).toHaveLength(0);
    await stack.inbox.break();
    await arrived(id);
  });

  test('When the push server refuses for now, then the message is tried again and arrives once', async () => {
    await stack.inbox.break({ push: { code: 503, percent: 100 } });
    const id = await follow();
    await vi.waitFor(() => expect(logged(PUSH, id, 'will be retried: ').length).toBeGreaterThan(1), SOON);
    await stack.inbox.break();
    await arrived(id);
  });

  test('When the same Idempotency-Key is sent again, at once and later, then one mail and one push message arrive', async () => {
    const headers = { 'idempotency-key': `key-${Math.random()}` };
    const ids = await Promise.all(Array.from({ length: 5 }, () => follow(headers)));
    const [id = ''] = ids;
    expect(new Set(ids).size).toBe(1);
    await vi.waitFor(() => expect(notifiedBy(stack, id)).toEqual([...SUBSCRIBERS]), SOON);
    await follow(headers);
    for (const service of SUBSCRIBERS) {
      await vi.waitFor(() => expect(logged(service, id, 'done before')).toHaveLength(5), { timeout: 30_000 });
    }
    await arrived(id);
  }, 60_000);

  describe('dead letters', () => {
    test('When the mail server refuses for good, then a replay after mending delivers that mail, and nothing twice', async () => {
      await stack.inbox.break({ mail: { code: 550, percent: 100 } });
      const id = await follow();
      await isDeadLetter(EMAIL, id);
      expect(logged(EMAIL, id, 'will be retried: ')).toHaveLength(0);
      await vi.waitFor(async () => expect(await pushesOf(id)).toHaveLength(1), SOON);

      expect(await stack.replay(EMAIL, { listOnly: true })).toMatch(new RegExp(`^${id} .*"follower":"alice"`, 'm'));
      const failed = await stack.replay(EMAIL);
      expect(failed).toContain(`returned ${id}: `);
      expect(failed).toMatch(/^found 1, replayed 0, returned 1$/m);

      await stack.inbox.break();
      expect(await stack.replay(EMAIL)).toMatch(/^found 1, replayed 1, returned 0$/m);
      await arrived(id);
      expect(await stack.replay(EMAIL, { listOnly: true })).toMatch(/^0 dead letters$/m);
    }, 120_000);

    test('When an event is no follow, then it is a dead letter at once, and it can be looked at', async () => {
      const id = `poison-${Math.random().toString(36).slice(2)}`;
      await fetch(`${stack.facadeSidecarUrl}/v1.0/publish/pubsub/followerAdded?metadata.cloudevent.id=${id}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ follower: '<b>\r\nBcc: eve@example.test', followee: 'bob' }),
      });
      for (const service of SUBSCRIBERS) await isDeadLetter(service, id);
      expect(await stack.replay(PUSH, { listOnly: true })).toMatch(new RegExp(`^${id} .*<b>`, 'm'));
      expect(await mailsOf(id)).toHaveLength(0);
      expect(await pushesOf(id)).toHaveLength(0);
    }, 60_000);
  });
}
