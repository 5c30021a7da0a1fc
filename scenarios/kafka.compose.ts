import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { networkScenarios } from './compose/networks';
import { KAFKA } from './documentation/docker-commands';
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

  /** Runs a command of docs/containers.md in the shell of a user, which has no variables of this project but its name and ports. */
  const shell = (command: string) =>
    stack.shell(`export BROKER=redis COMPOSE_PROFILES=; ${command.replace('SERVICE', EMAIL)}`);

  test('When the mail server refuses mails permanently, then the commands of the page list and replay them after the repair', async () => {
    await stack.inbox.setFaults({ mail: { code: 550, percent: 100 } });
    const ids: string[] = [];
    for (let i = 0; i < 3; i += 1) {
      ids.push((await postFollow(stack, { follower: `kafka-dead-${i}`, followee: 'bob' })).body.id);
    }
    const dead = () => stack.log.filter(({ eventId, msg }) => ids.includes(`${eventId}`) && /^dead letter/.test(msg));
    await vi.waitFor(() => expect(dead()).toHaveLength(3), { timeout: 30_000 });
    expect((await shell(KAFKA.list)).output).toMatch(/^3 dead letters$/m);
    const failed = await shell(KAFKA.replay);
    expect(failed.output).toMatch(/^found 3, replayed 0, returned 3$/m);
    expect(failed.code).toBe(1);

    await stack.inbox.clearFaults();
    const { code, output } = await shell(KAFKA.replay);
    expect(output).toMatch(/^found 3, replayed 3, returned 0$/m);
    expect(code).toBe(0);
    for (const id of ids) await waitUntilNotified(stack, id, 30_000);
  }, 180_000);

  test('When a replay is started without BROKER, then it says that Kafka runs', async () => {
    const { output } = await shell(KAFKA.list.replace('BROKER=kafka ', ''));
    expect(output).toContain('reads Redis, but kafka runs, too. If the services use kafka, run: BROKER=kafka ');
  }, 60_000);

  test('When everything is removed as the page says, then no container, network or volume is left', async () => {
    const left = () =>
      Promise.all(
        [
          ['ps', '--all'],
          ['network', 'ls'],
          ['volume', 'ls'],
        ].map((args) => stack.found(...args)),
      );
    expect((await shell('docker compose down')).code).not.toBeNull();
    expect((await stack.found('ps', '--all')).length).toBe(1);
    expect(await shell(KAFKA.down)).toMatchObject({ code: 0 });
    expect((await left()).map(({ length }) => length)).toEqual([0, 0, 2]);
    expect((await shell(KAFKA.up)).code).toBe(0);
    expect(await shell(KAFKA.remove)).toMatchObject({ code: 0 });
    expect((await left()).map(({ length }) => length)).toEqual([0, 0, 0]);
  }, 300_000);
});
