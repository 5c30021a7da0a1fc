import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { accessLogLines } from './stacks/log-queries';
import { postFollow } from './stacks/post-follow';
import { SERVICES, type Stack, SUBSCRIBERS } from './stacks/stack';
import { waitUntilNotified } from './stacks/wait-until-notified';

const SOON = { timeout: 15_000 };
const EMAIL = 'email-notification-service';
const PUSH = 'push-notification-service';
/** Of one event, before it becomes a dead letter (components/common/resiliency.yaml). */
const ATTEMPTS = 11;

/** Defines the tests that every accepted follow leads to one mail and one push message. They run on every stack. */
export function deliveryScenarios(startStack: () => Promise<Stack>): void {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack();
  }, 60_000);
  afterAll(() => stack?.stop(), 30_000);
  beforeEach(() => stack.inbox.clearFaults());

  /** Posts a follow of bob. Each follow has a different follower, so that a test can find its notifications. */
  const follow = async (headers: Record<string, string> = {}, follower = randomUUID().slice(0, 18)) => {
    const { body } = await postFollow(stack, { follower, followee: 'bob' }, headers);
    return body;
  };
  const mailsOf = (id: string) => stack.inbox.mailsOf(id);
  const pushesAbout = (follower: string) => stack.inbox.pushesAbout(follower);

  /** Waits until both services have logged a notification, and expects exactly one mail and one push message. */
  const expectOneOfEach = async ({ id, follower }: { id: string; follower: string }) => {
    await waitUntilNotified(stack, id, SOON.timeout);
    expect(await mailsOf(id)).toHaveLength(1);
    expect(await pushesAbout(follower)).toHaveLength(1);
  };
  const logged = (service: string, id: string, start: string) =>
    stack.log.filter((line) => line.service === service && line.eventId === id && line.msg.startsWith(start));
  const waitForDeadLetter = (service: string, id: string) =>
    vi.waitFor(() => expect(logged(service, id, 'dead letter: ')).not.toHaveLength(0), SOON);

  test('When a follow is posted, then the followee gets one mail and one push message with the name of the follower', async () => {
    const followed = await follow();
    const { id, follower } = followed;
    await expectOneOfEach(followed);
    const [mail] = await mailsOf(id);
    const [push] = await pushesAbout(follower);
    expect(mail).toMatchObject({
      Subject: `${follower} follows you`,
      To: [{ Name: 'bob', Address: 'bob@example.test' }],
      MessageID: `${id}.email-notification-service@example.test`,
    });
    expect(await stack.inbox.text(mail as NonNullable<typeof mail>)).toMatchObject({
      Text: expect.stringContaining(`${follower} follows you now.`),
      HTML: expect.stringContaining(`<b>${follower}</b> follows you now.`),
    });
    expect(push).toMatchObject({ topic: 'followers-bob', title: 'New follower', message: `${follower} follows you` });
  });

  test('When the mail server refuses mails temporarily, then the mail is retried and arrives once, and the push message is not delayed', async () => {
    await stack.inbox.setFaults({ mail: { code: 451, percent: 100 } });
    const followed = await follow();
    const { id, follower } = followed;
    await vi.waitFor(async () => expect(await pushesAbout(follower)).toHaveLength(1), SOON);
    await vi.waitFor(() => expect(logged(EMAIL, id, 'will be retried: ').length).toBeGreaterThan(1), SOON);
    expect(await mailsOf(id)).toHaveLength(0);
    await stack.inbox.clearFaults();
    await expectOneOfEach(followed);
  });

  test('When a mail is being retried, then the mails behind it do not wait for the end of its retries', async () => {
    await stack.inbox.setFaults({ mail: { code: 451, percent: 100 } });
    const first = await follow();
    await vi.waitFor(() => expect(logged(EMAIL, first.id, 'will be retried: ')).not.toHaveLength(0), SOON);
    const second = await follow();
    await vi.waitFor(() => expect(logged(EMAIL, second.id, 'will be retried: ')).not.toHaveLength(0), {
      timeout: 60_000,
    });
    expect(logged(EMAIL, first.id, 'will be retried: ').length).toBeLessThan(ATTEMPTS);
    await stack.inbox.clearFaults();
    await Promise.all([first, second].map(expectOneOfEach));
  }, 90_000);

  test('When the push server refuses messages temporarily, then the message is retried and arrives once', async (context) => {
    if (stack.pushFaultsUnavailable) context.skip(stack.pushFaultsUnavailable);
    await stack.inbox.setFaults({ push: { code: 503, percent: 100 } });
    const followed = await follow();
    await vi.waitFor(() => expect(logged(PUSH, followed.id, 'will be retried: ').length).toBeGreaterThan(1), SOON);
    await stack.inbox.clearFaults();
    await expectOneOfEach(followed);
  });

  test('When the same Idempotency-Key is sent again, at once and later, then only one mail and one push message arrive', async () => {
    const headers = { 'idempotency-key': `key-${Math.random()}` };
    const followed = await follow(headers);
    const { id, follower } = followed;
    const again = await Promise.all(Array.from({ length: 4 }, () => follow(headers, follower)));
    expect(new Set(again.map((body) => body.id))).toEqual(new Set([id]));
    await waitUntilNotified(stack, id, SOON.timeout);
    await follow(headers, follower);
    for (const service of SUBSCRIBERS) {
      await vi.waitFor(() => expect(logged(service, id, 'done before')).toHaveLength(5), { timeout: 30_000 });
    }
    await expectOneOfEach(followed);
  }, 60_000);

  test('When the same Idempotency-Key is sent with two different follows at once, then both are notified, with different ids', async () => {
    const headers = { 'idempotency-key': `key-${randomUUID()}` };
    const [one, other] = await Promise.all([follow(headers), follow(headers)]);
    expect(one.id).not.toBe(other.id);
    await Promise.all([one, other].map(expectOneOfEach));
  });

  test('When many follows are posted at once, then all three services log each with its own trace id', async () => {
    const traces = Array.from({ length: 20 }, () => randomUUID().replaceAll('-', ''));
    const ids = await Promise.all(
      traces.map(async (traceId) => (await follow({ traceparent: `00-${traceId}-b7ad6b7169203331-01` })).id),
    );
    for (const [index, id] of ids.entries()) {
      const traceId = traces[index];
      await vi.waitFor(() => {
        const lines = accessLogLines(stack, id);
        expect(new Set(lines.map(({ service }) => service))).toEqual(new Set(SERVICES));
        // Dapr repeats a delivery after a timeout. The repeated delivery has another line with the same trace id.
        expect(new Set(lines.map((line) => line.traceId))).toEqual(new Set([traceId]));
      }, SOON);
    }
  });

  describe('dead letters', () => {
    test('When the mail server refuses a mail permanently, then a replay after the repair delivers it, and no notification arrives twice', async (context) => {
      if (stack.replayUnavailable) context.skip(stack.replayUnavailable);
      await stack.inbox.setFaults({ mail: { code: 550, percent: 100 } });
      const followed = await follow();
      const { id, follower } = followed;
      await waitForDeadLetter(EMAIL, id);
      expect(logged(EMAIL, id, 'will be retried: ')).toHaveLength(0);
      await vi.waitFor(async () => expect(await pushesAbout(follower)).toHaveLength(1), SOON);

      const { output: listed } = await stack.replay(EMAIL, '--list');
      expect(listed).toMatch(new RegExp(`^${id} .*"follower":"${follower}"`, 'm'));
      const failed = await stack.replay(EMAIL);
      expect(failed.output).toContain(`returned ${id}: `);
      expect(failed.output).toMatch(/^found 1, replayed 0, returned 1$/m);
      expect(failed.code).toBe(1);

      await stack.inbox.clearFaults();
      const replayed = await stack.replay(EMAIL);
      expect(replayed.output).toMatch(/^found 1, replayed 1, returned 0$/m);
      expect(replayed.code).toBe(0);
      await expectOneOfEach(followed);
      expect((await stack.replay(EMAIL, '--list')).output).toMatch(/^0 dead letters$/m);
    }, 180_000);

    test('When an event is not a valid follow, then it becomes a dead letter at once, and the replay can list and discard it', async () => {
      const id = `poison-${Math.random().toString(36).slice(2)}`;
      const pushes = (await stack.inbox.pushes('bob')).length;
      await stack.publishWithoutFacade(id, { follower: '<b>\r\nBcc: eve@example.test', followee: 'bob' });
      for (const service of SUBSCRIBERS) await waitForDeadLetter(service, id);
      expect((await stack.replay(PUSH, '--list')).output).toMatch(new RegExp(`^${id} .*<b>`, 'm'));
      expect(await stack.replay(PUSH, '--discard', id)).toMatchObject({ code: 1 });
      const discarded = await stack.replay(PUSH, '--discard', id, '--yes');
      expect(discarded.output).toContain(`discarded ${id} `);
      expect(discarded.code).toBe(0);
      expect((await stack.replay(PUSH, '--list')).output).not.toContain(id);
      expect(await mailsOf(id)).toHaveLength(0);
      expect(await stack.inbox.pushes('bob')).toHaveLength(pushes);
    }, 120_000); // on Kubernetes, each replay is a pod
  });
}
