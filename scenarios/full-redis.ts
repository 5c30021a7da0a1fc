import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { describeAccount, settle } from './accounting/account';
import type { Accepted } from './accounting/traffic';
import { postFollow } from './stacks/post-follow';
import { RedisMemory } from './stacks/redis-memory';
import type { RunStack } from './stacks/run-stack';
import { SUBSCRIBERS } from './stacks/stack';
import { waitUntilNotified } from './stacks/wait-until-notified';

const EMAIL = 'email-notification-service';
/** Follows that are posted at a time, and the number of refusals after which Redis counts as full. */
const [CONCURRENT, REFUSALS] = [16, 20];
const DEAD_LETTERS = 5;

/** Defines the tests that a full Redis loses no accepted follow. They run on every stack whose broker is Redis. */
export function fullRedisScenarios(startStack: () => Promise<RunStack>): void {
  let stack: RunStack;
  let memory: RedisMemory;
  beforeAll(async () => {
    stack = await startStack();
    memory = await RedisMemory.connect(stack.redis.port);
  }, 60_000);
  afterAll(async () => {
    memory?.close();
    await stack?.stop();
  }, 40_000);
  afterEach(async () => {
    stack.resumeInbox();
    await stack.inbox.clearFaults();
    await memory.client.del('filler');
    await memory.limit(0);
    await memory.keepRoom();
  });

  const newFollower = () => randomUUID().slice(0, 18);
  /** Posts a follow of bob. The follower's name is also the Idempotency-Key. */
  const post = (follower: string) => postFollow(stack, { follower, followee: 'bob' }, { 'idempotency-key': follower });
  const logged = (start: string) => stack.log.filter(({ msg }) => msg.startsWith(start));

  /** Posts follows until 20 are refused. Resolves with the accepted follows and the followers of the others. */
  async function postUntilFull(): Promise<{ accepted: Accepted[]; refused: string[] }> {
    const accepted: Accepted[] = [];
    const refused: string[] = [];
    const worker = async () => {
      while (refused.length < REFUSALS) {
        const follower = newFollower();
        const { status, body } = await post(follower);
        expect([202, 503]).toContain(status);
        if (status === 202) accepted.push(body);
        else refused.push(follower);
      }
    };
    const keeper = async () => {
      while (refused.length < REFUSALS) await memory.keepRoom();
    };
    await Promise.all([keeper(), ...Array.from({ length: CONCURRENT }, worker)]);
    return { accepted, refused };
  }

  test('When follows fill Redis, then the rest are answered 503, all accepted ones are handled, and the rest are accepted when there is room', async () => {
    await stack.waitUntilDrained(30_000);
    await Promise.all(SUBSCRIBERS.map((service) => stack.killServiceAndSidecar(service)));
    await memory.client.setRange('filler', 10_000_000, 'x');
    // With two subscribers, keep-room.sh refuses new events at 45 % of the memory.
    await memory.limit(((await memory.used()) + 1_500_000) / 0.45);
    const eventsBefore = await memory.client.xLen('followerAdded');
    const { accepted, refused } = await postUntilFull();
    expect(accepted.length).toBeGreaterThan(100);
    // No event is removed before it is read.
    expect(await memory.client.xLen('followerAdded')).toBeGreaterThanOrEqual(eventsBefore + accepted.length);

    // The services start and handle the events, and dead letters are stored, although Redis takes no new events.
    await stack.inbox.setFaults({ mail: { code: 550, percent: 100 } });
    await Promise.all(SUBSCRIBERS.map((service) => stack.start(service)));
    await vi.waitFor(
      async () => expect(await memory.client.xLen(`${EMAIL}-dead-letters`)).toBeGreaterThan(DEAD_LETTERS),
      { timeout: 20_000 },
    );
    await stack.inbox.clearFaults();
    const whileFull = await settle(stack, accepted, { deadlineMs: 120_000 });
    expect(whileFull).toMatchObject({ lost: 0, doubled: 0 });
    expect(whileFull.dead).toBeGreaterThan(DEAD_LETTERS);

    await memory.client.del('filler');
    await memory.keepRoom();
    for (const follower of refused) {
      const { status, body } = await post(follower);
      expect(status).toBe(202);
      accepted.push(body);
    }
    const account = await settle(stack, accepted, { deadlineMs: 60_000 });
    console.log(`${stack.name}: ${refused.length} refused, then ${describeAccount(account)}`);
    expect(account).toMatchObject({ mailed: accepted.length, pushed: accepted.length, lost: 0, doubled: 0 });
  }, 240_000);

  test('When Redis takes no writes after a notification was sent, then its event is acknowledged, its mark is stored later, and nothing arrives twice', async () => {
    stack.suspendInbox();
    const follower = newFollower();
    const { status, body } = await post(follower);
    expect(status).toBe(202);
    const claims = SUBSCRIBERS.map((service) => `${service}||followerAdded.${body.id}`);
    await vi.waitFor(async () => expect(await memory.client.exists(claims)).toBe(2), { timeout: 4_000, interval: 20 });
    const sinceFull = stack.log.length;
    await memory.limit(1);
    stack.resumeInbox();
    await vi.waitFor(
      () => expect(logged('done, but the store does not take the mark')).toHaveLength(SUBSCRIBERS.length),
      { timeout: 15_000 },
    );
    expect(stack.log.slice(sinceFull).filter(({ msg }) => msg === 'marked as done')).toHaveLength(0);
    expect((await post(newFollower())).status).toBe(503);
    // Redis still takes reads and acknowledgements.
    await stack.waitUntilDrained(10_000);

    await memory.limit(0);
    await vi.waitFor(() => expect(logged('marked as done')).toHaveLength(SUBSCRIBERS.length), { timeout: 10_000 });
    expect((await post(follower)).status).toBe(202);
    await vi.waitFor(
      () =>
        expect(
          stack.log.filter(({ eventId, msg }) => eventId === body.id && msg.startsWith('done before')),
        ).toHaveLength(SUBSCRIBERS.length),
      { timeout: 15_000 },
    );
    await waitUntilNotified(stack, body.id, 1_000);
    expect(await stack.inbox.mailsOf(body.id)).toHaveLength(1);
    expect(await stack.inbox.pushesAbout(follower)).toHaveLength(1);
  }, 90_000);

  // This is the reason why keep-room.sh refuses new events long before Redis refuses everything.
  test('When Redis takes no writes and an event fails for good, then the sidecar acknowledges the event without a dead letter', async () => {
    await stack.waitUntilDrained(30_000);
    const deadLetters = () => memory.client.xLen(`${EMAIL}-dead-letters`);
    const before = await deadLetters();
    for (const service of SUBSCRIBERS) stack.suspend(service);
    await stack.publishWithoutFacade(randomUUID(), { follower: 'not a follow' });
    await memory.limit(1);
    for (const service of SUBSCRIBERS) stack.resume(service);
    await stack.waitUntilDrained(60_000);
    expect(await deadLetters()).toBe(before);
  }, 120_000);
}
