import request from 'supertest';
import { beforeEach, expect, test, vi } from 'vitest';
import { captureLog } from '../common/testing/captured-log';
import { createApp } from './app';

const publish = vi.fn();
const { logger } = captureLog('api-facade');
const app = createApp({ publish, ready: async () => {}, logger });

beforeEach(() => {
  publish.mockReset().mockResolvedValue(undefined);
});

const elsewhere: [string, string, Record<string, string>][] = [
  ['the query', '?follower=erin&followee=frank', {}],
  ['the query in capitals', '?Follower=erin', {}],
  ['an encoded query', '?follow%65e=frank', {}],
  ['a query with a JSON value', `?data=${encodeURIComponent('{"follower":"erin"}')}`, {}],
  ['a query with brackets', '?follow[follower]=erin', {}],
  ['a query that is not encoded correctly', '?%&follower=erin', {}],
  ['a header', '', { 'X-Follower': 'erin' }],
  ['a cookie', '', { cookie: 'followee=frank' }],
  ['a cookie with JSON', '', { cookie: `data=${encodeURIComponent('{"follower":"erin"}')}` }],
];
test.each(elsewhere)(
  'When %s names people, then the request is refused with and without a body, with the command to use',
  async (_, query, headers) => {
    for (const body of [undefined, { follower: 'carol', followee: 'dave' }]) {
      const res = await request(app).post(`/followers${query}`).set(headers).send(body).expect(400);
      expect(res.body.detail).toMatch(
        /^(The query|A header|A cookie) names people\. .*: curl -X POST 127\.0\.0\.1:\d+\/followers -H /,
      );
    }
    expect(publish).not.toHaveBeenCalled();
  },
);

test('When the query is a follow, then the command has its names, and the command works', async () => {
  const res = await request(app).post('/followers?follower=erin&followee=frank').expect(400);
  const [, body = ''] = / -d '(.*)'$/.exec(res.body.detail) ?? [];
  await request(app).post('/followers').set('content-type', 'application/json').send(body).expect(202);
  expect(publish.mock.calls[0]?.[0]).toEqual({ follower: 'erin', followee: 'frank' });
});

test.each(['?', '?x=1', '?next=/followers', '?followers=2', '?ref=my-follower-page'])(
  'When the query is %j, which names nobody, then the demo pair is published',
  async (query) => {
    await request(app).post(`/followers${query}`).expect(202);
  },
);

test('When the request came over TLS to a gateway, then the command does the same', async () => {
  const header = { 'X-Forwarded-Proto': 'https', Host: 'localhost:8443' };
  const res = await request(app).post('/followers').set(header).query({ follower: 'erin' });
  expect(res.body.detail).toContain('curl -X POST https://localhost:8443/followers -H');
});

test('When the Host header is unusual, then the answer does not repeat it', async () => {
  const res = await request(app).post('/followers').set('Host', "localhost'; rm -rf").query({ follower: 'erin' });
  expect(res.text).not.toContain('rm -rf');
});
