import { afterEach, expect, test, vi } from 'vitest';
import type { MailContent } from './mail';
import { type Change, Messages } from './messages';
import type { PushContent } from './push';

const address = { Name: '', Address: '' };

const createMail = (id: string, { bytes = 1, sameAs = id } = {}): MailContent => ({
  ...{ kind: 'mail', id, sameAs, bytes, messageId: id, from: address, to: [], cc: [], bcc: [], replyTo: [] },
  ...{ returnPath: '', subject: '', date: undefined, text: '', html: '', attachments: [], inline: [] },
  ...{ username: '', read: false, raw: Buffer.from('') },
});

const createPush = (id: string, { bytes = 1, sameAs = undefined as string | undefined } = {}): PushContent => ({
  ...{ kind: 'push', id, sameAs, bytes, cached: true },
  ntfy: { id, time: 0, expires: 0, event: 'message', topic: 't', message: '' },
});

const ids = ({ mails, pushes }: Messages) => [...mails.ids(), ...pushes.ids()].join('');

test('When there are more messages than the limit, then the oldest of the same kind are removed', () => {
  const messages = new Messages({ keep: 2, maxBytes: 100 });
  for (const id of 'abc') messages.addMail(createMail(id));
  for (const id of 'xyz') messages.addPush(createPush(id));
  expect(ids(messages)).toBe('bcyz');
  expect(messages.mails.newestFirst().map(({ id }) => id)).toEqual(['c', 'b']);
});

test('When the messages exceed the memory limit, then the oldest of both kinds are removed', () => {
  const messages = new Messages({ keep: 10, maxBytes: 10 });
  messages.addMail(createMail('a', { bytes: 4 }));
  messages.addPush(createPush('x', { bytes: 4 }));
  messages.addPush(createPush('y', { bytes: 2 }));
  expect(ids(messages)).toBe('axy');
  messages.addPush(createPush('z', { bytes: 1 }));
  expect(ids(messages)).toBe('xyz');
  messages.addMail(createMail('b', { bytes: 9 }));
  expect(ids(messages)).toBe('bz');
  messages.addMail(createMail('c', { bytes: 11 }));
  expect(ids(messages)).toBe('');
  messages.addMail(createMail('d', { bytes: 10 }));
  expect(ids(messages)).toBe('d');
});

test('When twenty thousand messages arrive, then the inbox keeps only the limit', () => {
  const messages = new Messages({ keep: 1_000, maxBytes: 1_000_000 });
  for (let n = 0; n < 20_000; n += 1) messages.addPush(createPush(String(n)));
  expect(messages.pushes.size).toBe(1_000);
  expect(messages.pushes.get('19000')?.number).toBe(19_001);
  expect(messages.pushes.get('18999')).toBeUndefined();
  expect(messages.pushes.bytes).toBe(1_000);
});

test('When a message arrives a second time, then it is marked as long as the inbox has the first', () => {
  const messages = new Messages({ keep: 2, maxBytes: 100 });
  expect(messages.addMail(createMail('a', { sameAs: 'one' })).again).toBe(false);
  expect(messages.addMail(createMail('b', { sameAs: 'one' })).again).toBe(true);
  expect(messages.addPush(createPush('x', { sameAs: 'one' })).again).toBe(false);
  expect(messages.addPush(createPush('y')).again).toBe(false);
  expect(messages.addPush(createPush('z')).again).toBe(false);
  messages.addMail(createMail('c'));
  expect(messages.addMail(createMail('d', { sameAs: 'one' })).again).toBe(true);
  messages.empty();
  expect(messages.addMail(createMail('e', { sameAs: 'one' })).again).toBe(false);
});

test('When messages arrive and are removed, then a listener is called until it is removed', () => {
  const messages = new Messages({ keep: 10, maxBytes: 100 });
  const changes: Change[] = [];
  const stop = messages.listen((change) => changes.push(change));
  const mail = messages.addMail(createMail('a'));
  messages.removeMails(['a', 'unknown']);
  messages.removeMails(['unknown']);
  stop();
  messages.addMail(createMail('b'));
  expect(changes).toEqual([{ arrived: mail }, { removed: 1 }]);
});

afterEach(() => void vi.useRealTimers());

test('When the inbox is emptied, then all messages can be restored, in their order, before newer ones', () => {
  const messages = new Messages({ keep: 3, maxBytes: 100 });
  for (const id of 'ab') messages.addMail(createMail(id, { sameAs: id }));
  messages.addPush(createPush('x'));
  const changes: Change[] = [];
  messages.listen((change) => changes.push(change));
  messages.empty();
  expect(ids(messages)).toBe('');
  expect(messages.restore()).toBe(3);
  expect(ids(messages)).toBe('abx');
  expect(messages.restore()).toBe(0);
  expect(changes).toEqual([{ removed: 3 }, { restored: 3 }]);
  messages.empty();
  for (const id of 'cd') messages.addMail(createMail(id));
  messages.restore();
  expect(ids(messages)).toBe('bcdx');
  expect(messages.addMail(createMail('e', { sameAs: 'b' })).again).toBe(true);
});

test('When an empty inbox is emptied, then the messages of the time before can still be restored', () => {
  const messages = new Messages({ keep: 3, maxBytes: 100 });
  messages.addMail(createMail('a'));
  messages.empty();
  messages.empty();
  expect(messages.restore()).toBe(1);
});

test('When a minute has passed since the inbox was emptied, then the messages are gone', () => {
  vi.useFakeTimers();
  const messages = new Messages({ keep: 3, maxBytes: 100 });
  messages.addMail(createMail('a'));
  messages.empty();
  vi.advanceTimersByTime(59_999);
  expect(messages.restore()).toBe(1);
  messages.empty();
  vi.advanceTimersByTime(60_000);
  expect(messages.restore()).toBe(0);
});
