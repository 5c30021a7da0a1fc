import request from 'supertest';
import { expect, test, vi } from 'vitest';
import { captureLog } from '../testing/captured-log';
import { accessLog, requestLog } from './access-log';
import { strictExpress } from './express-app';

function loggedApp() {
  const { logger, lines } = captureLog('api-facade');
  const app = strictExpress();
  app.use(accessLog(logger));
  app.get('/event', (_req, res) => {
    requestLog(res).eventId = 'e1';
    res.send('ok');
  });
  app.get('/hang', () => {});
  app.use((_req, res) => void res.status(404).end());
  return { app, lines };
}

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

test('When a request is answered, then one line has its method, path, status, duration and both ids', async () => {
  const { app, lines } = loggedApp();
  await request(app).get('/event?x=1').set('traceparent', `00-${TRACE_ID}-b7ad6b7169203331-01`);
  await vi.waitFor(() => expect(lines).toHaveLength(1));
  expect(lines[0]).toMatchObject({
    level: 'info',
    service: 'api-facade',
    method: 'GET',
    path: '/event',
    status: 200,
    ms: expect.any(Number),
    eventId: 'e1',
    traceId: TRACE_ID,
    msg: expect.stringMatching(/^GET \/event 200 [\d.]+ ms$/),
  });
});

test('When a request has no valid traceparent, then it gets a new trace id', async () => {
  const { app, lines } = loggedApp();
  await request(app).get('/event').set('traceparent', 'nonsense');
  await vi.waitFor(() => expect(lines).toHaveLength(1));
  expect(lines[0]?.traceId).toMatch(/^[0-9a-f]{32}$/);
});

test('When the client closes the connection before the answer, then the line has the status 499', async () => {
  const { app, lines } = loggedApp();
  await expect(request(app).get('/hang').timeout(50)).rejects.toThrow();
  await vi.waitFor(() => expect(lines).toEqual([expect.objectContaining({ path: '/hang', status: 499 })]));
});

test('When a path has control characters, then the log has them encoded', async () => {
  const { app, lines } = loggedApp();
  await request(app).get('/a%1b[31m\u009b');
  await vi.waitFor(() => expect(lines).toHaveLength(1));
  expect(lines[0]?.path).toMatch(/^[\x21-\x7e]+$/);
});

test('When a health probe is answered, then its line has the level debug', async () => {
  const { app, lines } = loggedApp();
  await request(app).get('/livez');
  await vi.waitFor(() => expect(lines).toEqual([expect.objectContaining({ level: 'debug', path: '/livez' })]));
});
