import { afterEach, beforeEach, expect, test } from 'vitest';
import { json, type RecordingSidecar, startRecordingSidecar } from '../testing/recording-sidecar';

let sidecar: RecordingSidecar;
beforeEach(async () => {
  sidecar = await startRecordingSidecar();
});
afterEach(() => sidecar.close());

test('When the store has a value, then it is read with its etag', async () => {
  sidecar.answer = json(200, [{ key: 'a/b', data: { owner: 'me' }, etag: '7' }]);
  expect(await sidecar.dapr.getState('a/b')).toEqual({ value: { owner: 'me' }, etag: '7' });
  expect(sidecar.last).toMatchObject({ method: 'POST', url: '/v1.0/state/statestore/bulk' });
  expect(JSON.parse(sidecar.last.body)).toMatchObject({ keys: ['a/b'] });
});

test('When the store has no value, then the result is undefined', async () => {
  sidecar.answer = json(200, [{ key: 'key' }]);
  expect(await sidecar.dapr.getState('key')).toBeUndefined();
});

test('When several keys are read at once, then the client sends one request, and each caller gets the value of its key in any order of the answer', async () => {
  sidecar.answer = json(200, [{ key: 'c' }, { key: 'b', error: 'timeout' }, { key: 'a', data: 1, etag: '7' }]);
  const answers = await Promise.allSettled(['a', 'b', 'c', 'd'].map((key) => sidecar.dapr.getState(key)));
  expect(JSON.parse(sidecar.last.body)).toMatchObject({ keys: ['a', 'b', 'c', 'd'] });
  expect(answers).toMatchObject([
    { value: { value: 1, etag: '7' } },
    { reason: { message: 'cannot read b from statestore: timeout' } },
    { status: 'fulfilled', value: undefined },
    { reason: { message: 'cannot read d from statestore: no answer' } },
  ]);
});

test('When several values are saved at once, then the client sends one request, and if it fails, then each save fails', async () => {
  sidecar.answer = json(500, { errorCode: 'ERR_STATE_SAVE', message: 'etag mismatch' });
  const save = (key: string) => sidecar.dapr.saveState(key, { key }, { ttlSeconds: 1 });
  const answers = await Promise.allSettled(['a', 'b'].map(save));
  expect(JSON.parse(sidecar.last.body)).toMatchObject([{ key: 'a' }, { key: 'b' }]);
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect(Promise.all(['a', 'b'].map(save))).rejects.toThrow('cannot save 2 keys to statestore: 500');
});

test('When a value is saved, then the request has first-write concurrency, the time to live, and the etag if there is one', async () => {
  await sidecar.dapr.saveState('key', { done: true }, { ttlSeconds: 10 });
  const item = { key: 'key', value: { done: true }, options: { concurrency: 'first-write' } };
  expect(sidecar.last).toMatchObject({ method: 'POST', url: '/v1.0/state/statestore' });
  expect(JSON.parse(sidecar.last.body)).toEqual([{ ...item, metadata: { ttlInSeconds: '10' } }]);
  await sidecar.dapr.saveState('key', { done: true }, { ttlSeconds: 10, etag: '7' });
  expect(JSON.parse(sidecar.last.body)).toMatchObject([{ etag: '7' }]);
});

test.each([409, 500])('When the sidecar answers a save with %s, then the save fails', async (status) => {
  sidecar.answer = json(status, { errorCode: 'ERR_STATE_SAVE', message: 'possible etag mismatch' });
  const save = sidecar.dapr.saveState('key', {}, { ttlSeconds: 1 });
  await expect(save).rejects.toThrow(`cannot save key to statestore: ${status} ERR_STATE_SAVE possible etag mismatch`);
});

test('When a value is deleted, then the request has the etag of the read value and first-write concurrency', async () => {
  await sidecar.dapr.deleteState('key', '7');
  expect(sidecar.last).toMatchObject({ method: 'DELETE', headers: { 'if-match': '7' } });
  expect(sidecar.last.url).toBe('/v1.0/state/statestore/key?concurrency=first-write');
});
