import { expect, test, vi } from 'vitest';
import { describeAccount, settle } from '../accounting/account';
import { Kills } from '../accounting/kills';
import { postFollows } from '../accounting/traffic';
import type { ComposeStack } from '../stacks/compose-stack';
import { postFollow } from '../stacks/post-follow';
import { SUBSCRIBERS } from '../stacks/stack';

const CRASHED = ['email-notification-service', 'redis', 'api-facade', 'push-notification-service', 'placement'];

/** Defines the tests that events survive crashes, and that several replicas share them. */
export function crashScenarios(sharedStack: () => ComposeStack): void {
  test.each([
    ['appendonly', 'yes'],
    ['appendfsync', 'always'],
  ])('When Redis confirms an event, then the event is on disk: %s is %s', async (setting, value) => {
    expect(await sharedStack().redisCli('CONFIG', 'GET', setting)).toBe(`${setting}\n${value}\n`);
  });

  test('When containers crash under load, then Docker restarts them, and no notification is lost or doubled except by a kill', async () => {
    const stack = sharedStack();
    await stack.inbox.setFaults({ mail: { code: 451, percent: 50 } });
    const kills = new Kills();
    const accepted = await postFollows(stack, {
      follows: 200,
      repeated: 40,
      faults: CRASHED.map((service) => () => crashAndRecord(stack, service, kills)),
    });
    await stack.inbox.clearFaults();
    const account = await settle(stack, accepted, { deadlineMs: 240_000, kills: kills.list });
    console.log(`${stack.name}: ${describeAccount(account)}`);
    expect(account).toMatchObject({ accepted: 200, mailed: 200, pushed: 200, lost: 0, doubled: 0 });
  }, 400_000);

  test('When a service has three replicas, then they share the work, and no notification is doubled', async () => {
    const stack = sharedStack();
    await stack.compose('up', '--detach', '--wait', '--no-recreate', '--scale', 'email-notification-service=3');
    const before = (await stack.inbox.mails()).length;
    const posts = await Promise.all(
      Array.from({ length: 60 }, (_, i) => postFollow(stack, { follower: `scale-${i}`, followee: 'bob' })),
    );
    expect(posts.filter(({ status }) => status !== 202)).toEqual([]);
    await vi.waitFor(async () => expect(await stack.inbox.mails()).toHaveLength(before + 60), { timeout: 30_000 });
    const logs = await stack.compose('logs', '--no-color', 'email-notification-service');
    const notifications = logs.split('\n').filter((line) => /"msg":"notified bob by e-mail: scale-/.test(line));
    expect(notifications).toHaveLength(60);
    const replicas = new Set(notifications.map((line) => line.split(' ')[0]));
    expect(replicas.size).toBe(3);
  }, 120_000);
}

/** Crashes a Compose service, waits until it is healthy again, and records the time without marks. */
async function crashAndRecord(stack: ComposeStack, service: string, kills: Kills): Promise<void> {
  const crash = () => stack.crash(service);
  const healthy = () =>
    vi.waitFor(async () => expect(await stack.isHealthy(service)).toBe(true), { timeout: 60_000, interval: 500 });
  const subscriber = SUBSCRIBERS.find((name) => name === service);
  if (subscriber) await kills.die(subscriber, crash);
  else if (service === 'redis') await kills.whileNothingIsMarked(SUBSCRIBERS, () => crash().then(healthy));
  else await crash();
  await healthy();
}
