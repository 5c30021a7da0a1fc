import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunStack } from '../stacks/run-stack';
import type { Service } from '../stacks/stack';
import { postFollows, settle, table } from './accounting';
import { Kills } from './kills';

/** Never lost, never twice: everything goes wrong at once, and then every follow is counted. */
export function accountingScenario(startStack: () => Promise<RunStack>, follows: number): void {
  let stack: RunStack;
  beforeAll(async () => {
    stack = await startStack();
  }, 60_000);
  afterAll(() => stack?.stop(), 40_000);

  test(`When the mail server refuses half of the attempts, services and sidecars are killed and events come twice, then each of ${follows} follows ends in one mail and one push message`, async () => {
    await stack.inbox.break({ mail: { code: 451, percent: 50 }, push: { code: 503, percent: 25 } });
    const kills = new Kills();
    const die = (service: Service, how: () => Promise<void>) => kills.dieAndReturn(stack, service, how);
    const [email, push] = ['email-notification-service', 'push-notification-service'] as const;
    const accepted = await postFollows(stack, {
      follows,
      repeated: follows / 5,
      faults: [
        () => die(email, () => stack.killWhole(email)),
        () => die(push, () => stack.killWhole(push)),
        () => die('api-facade', () => stack.killSidecar('api-facade')),
        () => die(email, () => stack.killSidecar(email)),
        () => die(push, () => stack.killSidecar(push)),
      ],
    });
    await stack.inbox.break();
    const account = await settle(stack, accepted, { deadlineMs: 240_000, kills: kills.list });
    console.log(`${stack.name}: ${table(account)}`);
    expect(account).toMatchObject({ accepted: follows, mailed: follows, pushed: follows, lost: 0, doubled: 0 });
  }, 400_000);
}
