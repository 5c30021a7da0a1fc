import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AT_A_TIME } from '../../common/once/notify-once';
import { Kills, notByKill } from './kills';

const [EMAIL, PUSH] = ['email-notification-service', 'push-notification-service'] as const;

beforeEach(() => void vi.useFakeTimers({ now: 100_000 }));
afterEach(() => void vi.useRealTimers());

const atOnce = async () => {};
const wait = async (ms: number) => void (await vi.advanceTimersByTimeAsync(ms));
const sinceMs = (kills: Kills) => kills.list.map((kill) => kill.sinceMs);

test('When a service is killed, then what it sent in the seconds before and until it was dead may be without a mark', async () => {
  const kills = new Kills();
  await kills.die(EMAIL, () => wait(2_000));
  expect(kills.list).toEqual([{ service: EMAIL, sinceMs: 97_000, untilMs: 102_000 }]);
});

test('When it is killed soon after it stood still, then what it sent since then may be; later not, and of others not', async () => {
  const kills = new Kills();
  await kills.whileNothingIsMarked([EMAIL], () => wait(5_000));
  await wait(1_000);
  await kills.die(EMAIL, atOnce);
  await kills.die(PUSH, atOnce);
  await wait(10_000);
  await kills.die(EMAIL, atOnce);
  expect(sinceMs(kills)).toEqual([97_000, 103_000, 113_000]);
});

test('When Redis is down right after a service stood still, then both times are one', async () => {
  const kills = new Kills();
  await kills.whileNothingIsMarked([EMAIL], () => wait(5_000));
  await kills.whileNothingIsMarked([EMAIL, PUSH], () => wait(2_000));
  await kills.die(EMAIL, atOnce);
  await kills.die(PUSH, atOnce);
  expect(sinceMs(kills)).toEqual([97_000, 102_000]);
});

test('When something was doubled at the time of a kill of its service, then that explains it; otherwise nothing does', () => {
  const kills = [{ service: EMAIL, sinceMs: 10_000, untilMs: 20_000 }];
  const times = [9_999, 10_001, 22_999, 23_001];
  const first = (service: typeof EMAIL | typeof PUSH) =>
    notByKill(
      times.map((ms) => ({ service, first: ms })),
      kills,
    ).map((double) => double.first);
  expect(first(EMAIL)).toEqual([9_999, 23_001]);
  expect(first(PUSH)).toEqual(times);
});

test('When more was doubled than can have been under way at a kill, then the kill does not explain the rest', () => {
  const doubles = Array.from({ length: 2 * AT_A_TIME + 3 }, () => ({ service: EMAIL, first: 15_000 }));
  const kill = { service: EMAIL, sinceMs: 10_000, untilMs: 20_000 };
  expect(notByKill(doubles, [kill])).toHaveLength(AT_A_TIME + 3);
  expect(notByKill(doubles, [kill, { ...kill }])).toHaveLength(3);
});
