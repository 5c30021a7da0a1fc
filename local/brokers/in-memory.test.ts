import { expect, test, vi } from 'vitest';
import type { Message } from './broker';
import { InMemoryBroker } from './in-memory';

const message = (text: string): Message => ({ data: Buffer.from(text), metadata: new Map() });
const texts = (messages: Message[]) => messages.map(({ data }) => data.toString());

/** Returns a handler that collects its messages and finishes each of them when the test calls its `finish`. */
function slowHandler() {
  const got: Message[] = [];
  const finish: (() => void)[] = [];
  const handler = (delivered: Message) => {
    got.push(delivered);
    return new Promise<void>((resolve) => finish.push(resolve));
  };
  return { got, finish, handler };
}

test('When two groups subscribe, then each gets every message, including earlier messages', async () => {
  const broker = new InMemoryBroker();
  await broker.publish('t', message('early'));
  const [a, b]: Message[][] = [[], []];
  await broker.subscribe({ topic: 't', group: 'a', handler: async (m) => void a?.push(m) });
  await broker.publish('t', message('late'));
  await broker.subscribe({ topic: 't', group: 'b', handler: async (m) => void b?.push(m) });
  await vi.waitFor(() => expect(texts(a ?? [])).toEqual(['early', 'late']));
  await vi.waitFor(() => expect(texts(b ?? [])).toEqual(['early', 'late']));
});

test('When a group has two members, then they share the messages', async () => {
  const broker = new InMemoryBroker();
  const [one, two] = [slowHandler(), slowHandler()];
  await broker.subscribe({ topic: 't', group: 'g', handler: one.handler });
  await broker.subscribe({ topic: 't', group: 'g', handler: two.handler });
  for (const text of ['1', '2', '3', '4']) await broker.publish('t', message(text));
  expect(texts(one.got)).toEqual(['1', '3']);
  expect(texts(two.got)).toEqual(['2', '4']);
});

test('When a handler is slow, then the next message and the publisher do not wait for it', async () => {
  const broker = new InMemoryBroker();
  const { got, handler } = slowHandler();
  await broker.subscribe({ topic: 't', group: 'g', handler });
  for (let i = 0; i < 10; i += 1) await broker.publish('t', message(String(i)));
  expect(got).toHaveLength(10);
});

test('When there is a backlog, then at most a hundred messages are in flight, and the others follow', async () => {
  const broker = new InMemoryBroker();
  const { got, finish, handler } = slowHandler();
  await broker.subscribe({ topic: 't', group: 'g', handler });
  for (let i = 0; i < 150; i += 1) await broker.publish('t', message(String(i)));
  expect(got).toHaveLength(100);
  expect(broker.unfinished).toBe(150);
  for (const done of finish.splice(0)) done();
  await vi.waitFor(() => expect(got).toHaveLength(150));
  for (const done of finish.splice(0)) done();
  await vi.waitFor(() => expect(broker.unfinished).toBe(0));
});

test('When a handler rejects, then the message is delivered again', async () => {
  const broker = new InMemoryBroker();
  const handler = vi.fn<(m: Message) => Promise<void>>().mockRejectedValueOnce(new Error('no')).mockResolvedValue();
  await broker.subscribe({ topic: 't', group: 'g', handler });
  await broker.publish('t', message('x'));
  await vi.waitFor(() => expect(handler).toHaveBeenCalledTimes(2));
});

test('When a subscription is stopped, then messages wait for the next subscription of the group', async () => {
  const broker = new InMemoryBroker();
  const first = vi.fn(async () => {});
  const subscription = await broker.subscribe({ topic: 't', group: 'g', handler: first });
  await subscription.stop();
  await broker.publish('t', message('x'));
  const got: Message[] = [];
  await broker.subscribe({ topic: 't', group: 'g', handler: async (m) => void got.push(m) });
  await vi.waitFor(() => expect(texts(got)).toEqual(['x']));
  expect(first).not.toHaveBeenCalled();
});

test('When a topic has no subscription, then it keeps only the newest messages', async () => {
  const broker = new InMemoryBroker();
  for (let i = 0; i < 25_000; i += 1) await broker.publish('t', message(String(i)));
  const got: string[] = [];
  await broker.subscribe({ topic: 't', group: 'g', handler: async (m) => void got.push(m.data.toString()) });
  await vi.waitFor(() => expect(got.at(-1)).toBe('24999'));
  expect(got.length).toBeGreaterThanOrEqual(10_000);
  expect(got.length).toBeLessThanOrEqual(20_000);
});
