import { expect, test } from 'vitest';
import type { MailContent } from './mail';
import { type Change, Messages } from './messages';
import type { PushContent } from './push';

const address = { Name: '', Address: '' };

const aMail = (id: string, { bytes = 1, sameAs = id } = {}): MailContent => ({
  ...{ kind: 'mail', id, sameAs, bytes, messageId: id, from: address, to: [], cc: [], bcc: [], replyTo: [] },
  ...{ returnPath: '', subject: '', date: undefined, text: '', html: '', attachments: [], inline: [] },
  ...{ username: '', read: false, raw: Buffer.from('') },
});

const aPush = (id: string, { bytes = 1, sameAs = undefined as string | undefined } = {}): PushContent => ({
  ...{ kind: 'push', id, sameAs, bytes },
  ntfy: { id, time: 0, expires: 0, event: 'message', topic: 't', message: '' },
});

const ids = ({ mails, pushes }: Messages) => [...mails.ids(), ...pushes.ids()].join('');

test('When more come than are kept, then the oldest of their kind go', () => {
  const messages = new Messages({ keep: 2, maxBytes: 100 });
  for (const id of 'abc') messages.addMail(aMail(id));
  for (const id of 'xyz') messages.addPush(aPush(id));
  expect(ids(messages)).toBe('bcyz');
  expect(messages.mails.newestFirst().map(({ id }) => id)).toEqual(['c', 'b']);
});

test('When they grow too big, then the oldest of either kind go', () => {
  const messages = new Messages({ keep: 10, maxBytes: 10 });
  messages.addMail(aMail('a', { bytes: 4 }));
  messages.addPush(aPush('x', { bytes: 4 }));
  messages.addPush(aPush('y', { bytes: 2 }));
  expect(ids(messages)).toBe('axy');
  messages.addPush(aPush('z', { bytes: 1 }));
  expect(ids(messages)).toBe('xyz');
  messages.addMail(aMail('b', { bytes: 9 }));
  expect(ids(messages)).toBe('bz');
  messages.addMail(aMail('c', { bytes: 11 }));
  expect(ids(messages)).toBe('');
  messages.addMail(aMail('d', { bytes: 10 }));
  expect(ids(messages)).toBe('d');
});

test('When twenty thousand come, then no more than are to be kept stay', () => {
  const messages = new Messages({ keep: 1_000, maxBytes: 1_000_000 });
  for (let n = 0; n < 20_000; n += 1) messages.addPush(aPush(String(n)));
  expect(messages.pushes.size).toBe(1_000);
  expect(messages.pushes.get('19000')?.number).toBe(19_001);
  expect(messages.pushes.get('18999')).toBeUndefined();
  expect(messages.pushes.bytes).toBe(1_000);
});

test('When one comes a second time, then it is marked, as long as the first is known', () => {
  const messages = new Messages({ keep: 2, maxBytes: 100 });
  expect(messages.addMail(aMail('a', { sameAs: 'one' })).again).toBe(false);
  expect(messages.addMail(aMail('b', { sameAs: 'one' })).again).toBe(true);
  expect(messages.addPush(aPush('x', { sameAs: 'one' })).again).toBe(false);
  expect(messages.addPush(aPush('y')).again).toBe(false);
  expect(messages.addPush(aPush('z')).again).toBe(false);
  messages.addMail(aMail('c'));
  expect(messages.addMail(aMail('d', { sameAs: 'one' })).again).toBe(true);
  messages.removeAll();
  expect(messages.addMail(aMail('e', { sameAs: 'one' })).again).toBe(false);
});

test('When messages come and go, then listeners hear of it until they stop listening', () => {
  const messages = new Messages({ keep: 10, maxBytes: 100 });
  const heard: Change[] = [];
  const stop = messages.listen((change) => heard.push(change));
  const mail = messages.addMail(aMail('a'));
  messages.removeMails(['a', 'unknown']);
  messages.removeMails(['unknown']);
  stop();
  messages.addMail(aMail('b'));
  expect(heard).toEqual([{ arrived: mail }, { removed: 1 }]);
});
