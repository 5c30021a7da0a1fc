import { expect, test } from 'vitest';
import type { InMemoryBroker } from '../brokers/in-memory';
import { SharedMemory } from '../components';
import { drain } from './drain';

/** Returns the memory of a broker with `count` deliveries in flight, and a function that finishes all of them. */
async function memoryWith(count: number) {
  const memory = new SharedMemory();
  const broker: InMemoryBroker = memory.broker('pubsub');
  const finish: (() => void)[] = [];
  const handler = () => new Promise<void>((resolve) => finish.push(resolve));
  await broker.subscribe({ topic: 't', group: 'g', handler });
  for (let i = 0; i < count; i += 1) await broker.publish('t', { data: Buffer.from('x'), metadata: new Map() });
  return { memory, finishAll: () => finish.forEach((done) => void done()) };
}

test('When no delivery is unfinished, then nothing is printed', async () => {
  const { memory } = await memoryWith(0);
  const lines: string[] = [];
  expect(await drain(memory, 10_000, (line) => lines.push(line))).toBe(0);
  expect(lines).toEqual([]);
});

test('When deliveries finish in time, then their number and the longest wait are printed once, and none is lost', async () => {
  const { memory, finishAll } = await memoryWith(2);
  const lines: string[] = [];
  const lost = await drain(memory, 10_000, (line) => {
    lines.push(line);
    finishAll();
  });
  expect(lost).toBe(0);
  expect(lines).toEqual([
    '2 deliveries are unfinished: waiting at most 10 s more; another Ctrl-C ends everything at once',
  ]);
});

test('When a delivery does not finish, then each line has the remaining time, and the delivery is counted as lost', async () => {
  const { memory } = await memoryWith(1);
  const lines: string[] = [];
  expect(await drain(memory, 2_500, (line) => lines.push(line))).toBe(1);
  expect(lines.map((line) => line.split(';')[0])).toEqual([
    '1 delivery is unfinished: waiting at most 3 s more',
    '1 delivery is unfinished: waiting at most 1 s more',
  ]);
});
