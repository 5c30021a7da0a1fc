import request from 'supertest';
import { expect, test } from 'vitest';
import { captureLog } from '../testing/captured-log';
import { notFound, onlyMethods, strictExpress } from './express-app';
import { HttpProblem, problemDetails } from './problem-details';

function appThatThrows(error: unknown) {
  const { logger, lines } = captureLog();
  const app = strictExpress();
  app.get('/', () => {
    throw error;
  });
  app.all('/', onlyMethods('GET'));
  app.use(notFound, problemDetails(logger));
  return { app, lines };
}

test('When a handler throws a problem, then the client gets its status, detail, headers and members', async () => {
  const { app } = appThatThrows(new HttpProblem(409, 'Not now.', { 'x-why': 'test' }, { id: '7' }));
  const res = await request(app)
    .get('/')
    .expect(409)
    .expect('content-type', /^application\/problem\+json/)
    .expect('x-why', 'test');
  expect(JSON.parse(res.text)).toEqual({
    type: 'about:blank',
    title: 'Conflict',
    status: 409,
    detail: 'Not now.',
    id: '7',
  });
});

test('When a handler throws any other error, then the client gets a constant text, and the log has the error', async () => {
  const { app, lines } = appThatThrows(new Error('password is hunter2'));
  const res = await request(app).get('/').expect(500);
  expect(res.text).not.toContain('hunter2');
  expect(lines).toContainEqual(
    expect.objectContaining({ err: expect.objectContaining({ message: 'password is hunter2' }) }),
  );
});

test('When the path exists for another method, then the status is 405 with the allowed methods', async () => {
  const { app } = appThatThrows(new Error());
  await request(app).put('/').expect(405).expect('allow', 'GET');
  await request(app).options('/').expect(405).expect('allow', 'GET');
});

test('When the path does not exist, then the status is 404 with a problem document', async () => {
  const { app } = appThatThrows(new Error());
  await request(app)
    .get('/nothing')
    .expect(404)
    .expect('content-type', /problem\+json/);
});
