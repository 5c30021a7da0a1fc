import request from 'supertest';
import { describe, expect, test } from 'vitest';
import { captureLog } from '../testing/captured-log';
import { strictExpress } from './express-app';
import { refuseForeignPages } from './foreign-page';
import { problemDetails } from './problem-details';

function statusOf(headers: Record<string, string>, method: 'get' | 'post' = 'post', listenAddress?: string) {
  const app = strictExpress();
  app.use(refuseForeignPages(listenAddress));
  app.all('/', (_req, res) => void res.json({}));
  app.use(problemDetails(captureLog().logger));
  return request(app)
    [method]('/')
    .set({ host: 'localhost:8080', ...headers })
    .then(({ status }) => status);
}

const own: Record<string, string>[] = [
  {},
  { host: '127.0.0.1:8080' },
  { host: '[::1]:8080' },
  { host: 'LOCALHOST' },
  { origin: 'http://localhost:8080' },
  { host: 'localhost', origin: 'http://localhost' },
  { origin: 'http://localhost:8080', 'sec-fetch-site': 'same-origin' },
  { 'sec-fetch-site': 'none' },
  // A page of the sidecar's origin, through the sidecar.
  { host: '127.0.0.1:8080', origin: 'http://localhost:3500', 'sec-fetch-site': 'same-origin' },
];

const foreign: [number, Record<string, string>][] = [
  [421, { host: 'rebind.example:8080' }],
  [421, { host: 'localhost.evil.example' }],
  [421, { host: '127.0.0.1.evil.example' }],
  [421, { host: '0.0.0.0:8080' }],
  [421, { host: 'rebind.example:8080', origin: 'http://rebind.example:8080', 'sec-fetch-site': 'same-origin' }],
  [403, { origin: 'null' }],
  [403, { origin: 'https://evil.example' }],
  [403, { origin: 'http://localhost:8081' }],
  [403, { origin: 'https://localhost:8080' }],
  [403, { origin: 'http://127.0.0.1:8080' }],
  [403, { origin: 'http://localhost:3500', 'sec-fetch-site': 'same-site' }],
  [403, { origin: 'http://localhost:3500', 'sec-fetch-site': 'none' }],
  [403, { origin: 'http://evil.example', 'sec-fetch-site': 'same-origin' }],
  [403, { 'sec-fetch-site': 'same-site' }],
  [403, { 'sec-fetch-site': 'cross-site' }],
  [403, { 'sec-fetch-site': 'cross-site', 'content-type': 'text/plain' }],
];

describe.each(['get', 'post'] as const)('a %s on loopback', (method) => {
  test.each(own)('When its headers are %j, then it is served', async (headers) => {
    expect(await statusOf(headers, method)).toBe(200);
  });

  test.each(foreign)('When it comes from a foreign page, then the status is %s: %j', async (status, headers) => {
    expect(await statusOf(headers, method)).toBe(status);
  });
});

test.each(['0.0.0.0', '::'])(
  'When the service listens on %s, as behind a gateway, then every host and page may use it',
  async (address) => {
    const headers = { host: 'shop.example', origin: 'https://www.shop.example', 'sec-fetch-site': 'same-site' };
    expect(await statusOf(headers, 'post', address)).toBe(200);
  },
);
