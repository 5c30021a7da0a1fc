import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Kills } from './kills';

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
