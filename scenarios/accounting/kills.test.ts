import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MAX_CONCURRENT } from '../../common/once/handle-once';
import { Kills, unexplainedBy } from './kills';

const [EMAIL, PUSH] = ['email-notification-service', 'push-notification-service'] as const;

beforeEach(() => void vi.useFakeTimers({ now: 100_000 }));
afterEach(() => void vi.useRealTimers());

const immediately = async () => {};
const wait = async (ms: number) => void (await vi.advanceTimersByTimeAsync(ms));
const sinceMs = (kills: Kills) => kills.list.map((kill) => kill.sinceMs);

test('When a service is killed, then notifications from the seconds before the kill until its death may not be marked', async () => {
  const kills = new Kills();
  await kills.die(EMAIL, () => wait(2_000));
  expect(kills.list).toEqual([{ service: EMAIL, sinceMs: 97_000, untilMs: 102_000 }]);
});

test('When a service is killed soon after it was suspended, then notifications since the suspension may not be marked; a later kill or another service is not affected', async () => {
  const kills = new Kills();
  await kills.whileNothingIsMarked([EMAIL], () => wait(5_000));
  await wait(1_000);
  await kills.die(EMAIL, immediately);
  await kills.die(PUSH, immediately);
  await wait(10_000);
  await kills.die(EMAIL, immediately);
  expect(sinceMs(kills)).toEqual([97_000, 103_000, 113_000]);
});

test('When Redis is down right after a service was suspended, then both times count as one', async () => {
  const kills = new Kills();
  await kills.whileNothingIsMarked([EMAIL], () => wait(5_000));
  await kills.whileNothingIsMarked([EMAIL, PUSH], () => wait(2_000));
  await kills.die(EMAIL, immediately);
  await kills.die(PUSH, immediately);
  expect(sinceMs(kills)).toEqual([97_000, 102_000]);
});

test('When a notification is doubled at the time of a kill of its service, then the kill explains it; at another time or in another service it does not', () => {
  const kills = [{ service: EMAIL, sinceMs: 10_000, untilMs: 20_000 }];
  const times = [9_999, 10_001, 22_999, 23_001];
  const unexplained = (service: typeof EMAIL | typeof PUSH) =>
    unexplainedBy(
      kills,
      times.map((ms) => ({ service, firstMs: ms })),
    ).map((double) => double.firstMs);
  expect(unexplained(EMAIL)).toEqual([9_999, 23_001]);
  expect(unexplained(PUSH)).toEqual(times);
});

test('When more notifications are doubled than the concurrency limit, then one kill does not explain the rest', () => {
  const doubles = Array.from({ length: 2 * MAX_CONCURRENT + 3 }, () => ({ service: EMAIL, firstMs: 15_000 }));
  const kill = { service: EMAIL, sinceMs: 10_000, untilMs: 20_000 };
  expect(unexplainedBy([kill], doubles)).toHaveLength(MAX_CONCURRENT + 3);
  expect(unexplainedBy([kill, { ...kill }], doubles)).toHaveLength(3);
});
