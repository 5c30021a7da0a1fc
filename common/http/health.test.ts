import request from 'supertest';
import { expect, test } from 'vitest';
import { captureLog } from '../testing/captured-log';
import { strictExpress } from './express-app';
import { health, NotReady, type Ready } from './health';
import { problemDetails } from './problem-details';

function healthApp() {
  const { logger, lines } = captureLog();
  const state: { ready: Ready } = { ready: async () => {} };
  const app = strictExpress();
  app.use(
    health(() => state.ready(), logger),
    problemDetails(logger),
  );
  const fail = (error: Error) => {
    state.ready = async () => {
      throw error;
    };
  };
  const heal = () => {
    state.ready = async () => {};
  };
  const readyz = async () => {
    const res = await request(app).get('/readyz');
    return { status: res.status, text: res.text };
  };
  const logged = () => lines.map(({ level, msg }) => `${level}: ${msg}`);
  return { fail, heal, readyz, logged };
}

const noSidecar = new NotReady('The Dapr sidecar is not ready.', 'connect ECONNREFUSED 127.0.0.1:3500');

test('When a part is not ready, then the answer names the part, and only the log says why, once', async () => {
  const { fail, heal, readyz, logged } = healthApp();
  fail(noSidecar);
  for (let probe = 0; probe < 3; probe += 1) {
    const { status, text } = await readyz();
    expect(status).toBe(503);
    expect(JSON.parse(text).detail).toBe('The Dapr sidecar is not ready.');
    expect(text).not.toMatch(/ECONNREFUSED|3500/);
  }
  expect(logged()).toEqual(['info: not ready yet: connect ECONNREFUSED 127.0.0.1:3500']);
  heal();
  expect((await readyz()).status).toBe(200);
  fail(noSidecar);
  await readyz();
  fail(new NotReady('The state store is not ready.', 'no component named statestore'));
  await readyz();
  expect(logged().slice(1)).toEqual([
    'info: ready',
    'warn: no longer ready: connect ECONNREFUSED 127.0.0.1:3500',
    'warn: no longer ready: no component named statestore',
  ]);
});

test('When the reason is any other error, then the answer has a constant text, and the log has the error', async () => {
  const { fail, readyz, logged } = healthApp();
  fail(new TypeError('password is hunter2'));
  const { status, text } = await readyz();
  expect({ status, detail: JSON.parse(text).detail }).toEqual({ status: 503, detail: 'The service is not ready.' });
  expect(logged()).toEqual(['info: not ready yet: password is hunter2']);
});

test('When the service is ready or is stopping, then probes add nothing to the log', async () => {
  const { fail, readyz, logged } = healthApp();
  await readyz();
  fail(new NotReady('The service is stopping.'));
  expect(JSON.parse((await readyz()).text).detail).toBe('The service is stopping.');
  expect(logged()).toEqual([]);
});
