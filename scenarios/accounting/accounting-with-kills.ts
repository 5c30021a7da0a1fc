import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunStack } from '../stacks/run-stack';
import type { Service } from '../stacks/stack';
import { describeAccount, settle } from './account';
import { Kills } from './kills';
import { postFollows } from './traffic';

/** Defines the test that no notification is lost or doubled under faults and kills, except by the kills themselves. */
export function accountingScenario(startStack: () => Promise<RunStack>, follows: number): void {
  let stack: RunStack;
  beforeAll(async () => {
    stack = await startStack();
  }, 60_000);
  afterAll(() => stack?.stop(), 40_000);

  test(`When the servers refuse some notifications, services and sidecars are killed, and some follows are posted twice, then each of ${follows} follows leads to one mail and one push message`, async () => {
    await stack.inbox.setFaults({ mail: { code: 451, percent: 50 }, push: { code: 503, percent: 25 } });
    const kills = new Kills();
    const die = (service: Service, kill: () => Promise<void>) => kills.dieAndRestart(stack, service, kill);
    const [email, push] = ['email-notification-service', 'push-notification-service'] as const;
    const accepted = await postFollows(stack, {
      follows,
      repeated: follows / 5,
      faults: [
        () => die(email, () => stack.killServiceAndSidecar(email)),
        () => die(push, () => stack.killServiceAndSidecar(push)),
        () => die('api-facade', () => stack.killSidecar('api-facade')),
        () => die(email, () => stack.killSidecar(email)),
        () => die(push, () => stack.killSidecar(push)),
      ],
    });
    await stack.inbox.clearFaults();
    const account = await settle(stack, accepted, { deadlineMs: 240_000, kills: kills.list });
    console.log(`${stack.name}: ${describeAccount(account)}`);
    expect(account).toMatchObject({ accepted: follows, mailed: follows, pushed: follows, lost: 0, doubled: 0 });
  }, 400_000);
}
