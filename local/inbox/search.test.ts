import { expect, test } from 'vitest';
import type { Mail } from './messages';
import { parseQuery } from './search';

const address = (Name: string, Address: string) => ({ Name, Address });

const MAIL: Mail = {
  ...{ kind: 'mail', id: 'x', sameAs: 'event-1.email@example.test', bytes: 1, number: 1, again: false, read: false },
  receivedAt: new Date(),
  messageId: 'event-1.email@example.test',
  from: address('Followers', 'followers@example.test'),
  to: [address('Bob Brown', 'bob@example.test')],
  cc: [address('', 'dave@example.test')],
  bcc: [address('', 'eve@example.test')],
  replyTo: [address('', 'answers@example.test')],
  ...{ returnPath: '', subject: 'Alice follows you', date: undefined, html: '', inline: [], username: '' },
  text: 'Hello bob,\nalice (of Wonderland) follows   you now.',
  attachments: [{ PartID: '1', FileName: 'photo.png', ContentType: 'image/png', ContentID: '', Size: 1 }],
  raw: Buffer.from(''),
};

test.each([
  'alice',
  'ALICE wonderland',
  '"alice follows you"',
  '"you now"',
  'photo.png',
  '!"https://example.test"',
  'subject:alice',
  'subject:"follows you"',
  '"subject:follows you"',
  'TO:bob@example.test',
  'to:brown',
  'from:followers',
  'cc:dave',
  'bcc:eve',
  'reply-to:answers',
  'addressed:eve',
  'message-id:event-1.email@example.test',
  'message-id:"<event-1.email@example.test>"',
  '!carol',
  '-carol -subject:carol !to:carol',
  'is:unread',
  'has:attachments',
  '!is:read',
])('When the query is %s, then the mail matches', (query) => {
  expect(parseQuery(query)(MAIL)).toBe(true);
});

test.each([
  'carol',
  'alice carol',
  '"follows alice"',
  'subject:bob',
  'to:dave',
  'from:bob',
  'message-id:event-2',
  '!alice',
  '-subject:alice',
  '!to:bob alice',
  'is:read',
])('When the query is %s, then the mail does not match', (query) => {
  expect(parseQuery(query)(MAIL)).toBe(false);
});

test.each(['before:2026-01-01', 'larger:1M', 'sbject:alice', '!tag:x', 'has:nothing', 'https://example.test'])(
  'When the query has the unknown filter %s, then the error names it',
  (query) => {
    const filter = /[a-z]+:/.exec(query)?.[0];
    expect(() => parseQuery(query)).toThrow(`the filter ${filter} is not supported; allowed: to:, from:`);
  },
);
