import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLocalStack } from './stacks/local-stack';
import { postFollow } from './stacks/post-follow';
import { rawRequest, sendRaw } from './stacks/raw-http';
import type { Stack } from './stacks/stack';

let stack: Stack;
const send = (bytes: Buffer) => sendRaw(stack.facadeUrl, bytes);

beforeAll(async () => {
  stack = await startLocalStack();
});
afterAll(async () => {
  expect(await stack.stop()).toBe(0);
});

const JSON_TYPE = 'Content-Type: application/json';
const follow = '{"follower":"alice","followee":"bob"}';
const names = (value: unknown) => JSON.stringify({ follower: value, followee: 'bob' });

const bodies = [
  '{',
  '}',
  '[',
  'null',
  '5',
  '"x"',
  'true',
  '[]',
  '{}',
  '{"follower":',
  '{"follower":"alice"}',
  '{"followee":"bob"}',
  '\u0000',
  '\ufeff{',
  'NaN',
  "{'a':1}",
  '{"__proto__":{"follower":"alice","followee":"bob"}}',
  '{"constructor":{"prototype":{"x":1}}}',
  `${'['.repeat(5_000)}`,
  `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`,
  names(null),
  names(1),
  names([]),
  names({}),
  names(true),
  names(''),
  names(' '),
  names('a b'),
  names('x'.repeat(33)),
  names('x'.repeat(15_000)),
  names('<script>'),
  names('a\nBcc: x@y'),
  names('a\u0000'),
  names('a\u202eb'),
  names('ａ'),
  names('😀'),
  names('../../etc'),
  names("' OR 1=1"),
  names('{{7*7}}'),
  names('bob'),
  names('\ud800'),
  '{"follower":"a","follower":5,"followee":"bob"}',
];

/** Each is sent with a valid follow, in place of `Content-Type: application/json`. */
const contentTypes = [
  'Content-Type:',
  'Content-Type: ;',
  'Content-Type: text/plain',
  'Content-Type: application/json; charset=utf-7',
  'Content-Type: application/json; charset=bogus',
  'Content-Type: application/xml',
  'Content-Type: multipart/form-data; boundary=x',
  'Content-Type: application/x-www-form-urlencoded',
  `Content-Type: ${'a'.repeat(4_000)}`,
  'Content-Type: application/cloudevents+json',
];

/** Each is sent with `Content-Type: application/json` and a valid follow. */
const moreHeaders = [
  'Content-Encoding: gzip',
  'Content-Encoding: br',
  'Content-Encoding: deflate',
  'Content-Encoding: bogus',
  'Content-Encoding: gzip, gzip',
  'Expect: 200-ok',
  'Upgrade: websocket\r\nConnection: upgrade',
  'Idempotency-Key:',
  'Idempotency-Key: a b',
  `Idempotency-Key: ${'k'.repeat(256)}`,
  'Idempotency-Key: a\r\nIdempotency-Key: b',
  'Idempotency-Key: \u00e9',
  'traceparent: x',
  'traceparent: 00-0-0-0',
  `tracestate: ${'s'.repeat(8_000)}`,
  `traceparent: 00-${'a'.repeat(32)}-${'b'.repeat(16)}-01\r\ntracestate: ${'s'.repeat(8_000)}`,
  `Cookie: ${'c'.repeat(10_000)}`,
  'dapr-api-token: x',
  'X-Forwarded-For: evil',
  'Accept: nothing/known',
  'Range: bytes=0-1',
  'If-Match: x',
  'TE: trailers',
  'Host: twice',
  `X: ${'y'.repeat(20_000)}`,
];

const paths = [
  '/',
  '//',
  '//followers',
  '/followers/',
  '/Followers',
  '/FOLLOWERS',
  '/followers//',
  '/./followers',
  '/x/../followers',
  '/%2e%2e/followers',
  '/followers%2f',
  '/followers%00',
  '/followers%',
  '/%',
  '/%ff',
  '/%c0%ae',
  '/followers;x=1',
  '/followers#x',
  '/followers\\',
  '/followers.json',
  `/${'a'.repeat(7_000)}`,
  '/dapr/subscribe',
  '/dapr/config',
  '/followerAdded',
  '/v1.0/publish/pubsub/followerAdded',
  '/__proto__',
  '/constructor',
  '/favicon.ico',
  '/.env',
  '/.git/config',
  '*',
  'followers',
  'http://evil.example/',
  'http://evil.example/dapr',
  '/livez/x',
  '/readyz/',
  '/\u00e9',
];

const methods = [
  'GET',
  'HEAD',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'LINK',
  'PURGE',
  'SEARCH',
  'M-SEARCH',
  'CONNECT',
  'BREW',
  'get',
  'QUERY',
];

/** Each is sent as it is, over a new connection. */
const rawBytes = [
  'POST /followers HTTP/1.1\r\n\r\n',
  'POST /followers HTTP/1.0\r\n\r\n{',
  'POST /followers HTTP/9.9\r\nHost: x\r\n\r\n',
  'POST /followers\r\n\r\n',
  'POST  /followers HTTP/1.1\r\nHost: x\r\n\r\n',
  '\r\n\r\nnonsense\r\n\r\n',
  '\u0016\u0003\u0001\u0002\u0000',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'POST /followers HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
  'POST /followers HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n{}',
  'POST /followers HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}',
  'POST /followers HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n{}',
  'POST /followers HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST /followers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n{}',
  'POST /followers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n',
  'POST /followers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n\r\n',
  'POST /followers HTTP/1.1\r\nHost: x\r\n X: folded\r\n\r\n',
  'POST /followers HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n',
  'POST /followers HTTP/1.1\r\nHost: x\r\nX\u0000: y\r\n\r\n',
  'POST /followers HTTP/1.1\r\nHost: x\r\nX: a\u0000b\r\n\r\n',
  `POST /followers HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(3_000)}\r\n`,
  `POST /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
];

const hostile: [name: string, bytes: Buffer][] = [
  ...bodies.map((body) => [`body ${body}`, rawRequest('POST', '/followers', [JSON_TYPE], body)] as [string, Buffer]),
  ...contentTypes.map(
    (header) => [`header ${header}`, rawRequest('POST', '/followers', [header], follow)] as [string, Buffer],
  ),
  ...moreHeaders.map(
    (header) => [`header ${header}`, rawRequest('POST', '/followers', [JSON_TYPE, header], follow)] as [string, Buffer],
  ),
  ...paths.map((path) => [`path ${path}`, rawRequest('POST', path)] as [string, Buffer]),
  ...methods.map((method) => [`method ${method}`, rawRequest(method, '/followers')] as [string, Buffer]),
  ...rawBytes.map((bytes) => [`bytes ${bytes}`, Buffer.from(bytes, 'latin1')] as [string, Buffer]),
  ['a huge body', rawRequest('POST', '/followers', [JSON_TYPE], Buffer.alloc(5_000_000, 'x'))],
  ['a huge form', rawRequest('POST', '/followers', ['Content-Type: text/plain'], Buffer.alloc(5_000_000, 'x'))],
  [
    'a huge chunked body',
    Buffer.concat([
      rawRequest('POST', '/followers', [JSON_TYPE, 'Transfer-Encoding: chunked']),
      Buffer.from(`f4240\r\n${'x'.repeat(1_000_000)}\r\n0\r\n\r\n`),
    ]),
  ],
  [
    'a zip bomb',
    rawRequest('POST', '/followers', [JSON_TYPE, 'Content-Encoding: gzip'], gzipSync(Buffer.alloc(10_000_000, ' '))),
  ],
  ['bytes that are not UTF-8', rawRequest('POST', '/followers', [JSON_TYPE], Buffer.from([0x22, 0xff, 0xfe, 0x22]))],
];

test(`When ${hostile.length} hostile requests arrive, then no answer is a 5xx, each error is a problem document, and the service still accepts follows`, async () => {
  const wrong: string[] = [];
  for (const [name, bytes] of hostile) {
    const { status, contentType, body } = await send(bytes);
    const label = `${status} ${contentType} for ${JSON.stringify(name).slice(0, 100)}`;
    const isHead = name === 'method HEAD';
    if (status === 202 || status === 200) continue;
    if (status < 400 || status > 499) wrong.push(label);
    else if (contentType !== 'application/problem+json') wrong.push(label);
    else if (!isHead && JSON.parse(body).status !== status) wrong.push(label);
  }
  expect(wrong).toEqual([]);
  expect(hostile.length).toBeGreaterThan(150);
  expect((await postFollow(stack)).status).toBe(202);
});
