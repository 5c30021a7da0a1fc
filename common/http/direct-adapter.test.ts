import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import axios, { type AxiosAdapter, type AxiosError } from 'axios';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { directAdapter } from './direct-adapter';

// Both adapters must do the same: the one of axios and ours.

let server: Server;
let baseURL: string;
const answer = vi.fn<(req: IncomingMessage, body: string, res: ServerResponse) => void>();

beforeEach(async () => {
  answer.mockReset();
  server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    answer(req, Buffer.concat(chunks).toString(), res);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1.0`;
});
afterEach(() => server.close().closeAllConnections());

describe.each<[string, AxiosAdapter | undefined]>([
  ['axios', undefined],
  ['our adapter', directAdapter],
])('%s', (_, adapter) => {
  const client = (options = {}) =>
    axios.create({ baseURL, headers: { 'dapr-api-token': 'secret' }, ...(adapter && { adapter }), ...options });
  const failureOf = (request: Promise<unknown>): Promise<AxiosError> =>
    request.then(
      () => expect.unreachable('the request succeeded'),
      (error) => error,
    );

  test('When a request is sent, then the server gets its path, query, headers and body', async () => {
    answer.mockImplementation((_req, _body, res) => res.end());
    await client().post('/publish/pubsub/t', { name: '太郎' }, { params: { 'metadata.ttl': '1 s&2' }, timeout: 5_000 });
    const [req, body] = answer.mock.calls[0] ?? expect.unreachable('no request');
    expect(req).toMatchObject({ method: 'POST', url: '/v1.0/publish/pubsub/t?metadata.ttl=1+s%262' });
    expect(req.headers).toMatchObject({
      'dapr-api-token': 'secret',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength('{"name":"太郎"}')),
    });
    expect(body).toBe('{"name":"太郎"}');
  });

  test('When a request has no body, then none is sent', async () => {
    answer.mockImplementation((_req, _body, res) => res.end());
    await client().delete('/state/a%7Cb', { headers: { 'if-match': '7' } });
    const [req, body] = answer.mock.calls[0] ?? expect.unreachable('no request');
    expect(req).toMatchObject({ method: 'DELETE', url: '/v1.0/state/a%7Cb', headers: { 'if-match': '7' } });
    expect(body).toBe('');
  });

  test.each([
    ['JSON', 200, '{"a":1}', { a: 1 }],
    ['text', 200, 'no JSON', 'no JSON'],
    ['nothing', 204, undefined, ''],
  ])('When the answer is %s, then it becomes the data', async (_kind, status, body, data) => {
    answer.mockImplementation((_req, _body, res) => void res.writeHead(status, { 'x-a': 'b' }).end(body));
    const response = await client().get('/metadata');
    expect(response).toMatchObject({ status, data });
    expect(response.headers['x-a']).toBe('b');
  });

  test.each([
    [404, 'ERR_BAD_REQUEST'],
    [302, 'ERR_BAD_RESPONSE'],
    [500, 'ERR_BAD_RESPONSE'],
  ])('When the answer is %i, then the error has the status and the answer', async (status, code) => {
    answer.mockImplementation(
      (_req, _body, res) => void res.writeHead(status, { location: '/b' }).end('{"errorCode":"E"}'),
    );
    const error = await failureOf(client({ maxRedirects: 0 }).get('/a'));
    expect(axios.isAxiosError(error)).toBe(true);
    expect(error).toMatchObject({ code, message: `Request failed with status code ${status}` });
    expect(error.response).toMatchObject({ status, data: { errorCode: 'E' } });
  });

  test('When nothing listens, then the error says so', async () => {
    server.close();
    await once(server, 'close');
    const error = await failureOf(client().get('/a'));
    expect(error).toMatchObject({ code: 'ECONNREFUSED', message: expect.stringContaining('ECONNREFUSED') });
    expect(error.response).toBeUndefined();
  });

  test('When no answer arrives in time, then the request fails', async () => {
    const error = await failureOf(client({ timeout: 100 }).get('/a'));
    expect(error).toMatchObject({ code: 'ECONNABORTED', message: 'timeout of 100ms exceeded' });
  });

  test('When the answer stays unfinished, then the request fails in time', async () => {
    answer.mockImplementation((_req, _body, res) => void res.writeHead(200).write('{'));
    expect(axios.isAxiosError(await failureOf(client({ timeout: 100 }).get('/a')))).toBe(true);
  });

  test('When the connection breaks in the middle of the answer, then the request fails', async () => {
    answer.mockImplementation((_req, _body, res) => {
      res.writeHead(200, { 'content-length': '100' }).write('{', () => res.destroy());
    });
    const error = await failureOf(client().get('/a'));
    expect(axios.isAxiosError(error)).toBe(true);
  });

  test('When a stream is asked for, then the request resolves with the status, and the body follows', async () => {
    let finish = () => {};
    answer.mockImplementation((_req, _body, res) => {
      res.writeHead(200).write('first ');
      finish = () => void res.end('last');
    });
    const { status, data } = await client({ responseType: 'stream', decompress: false }).post<Readable>('/a', {});
    expect(status).toBe(200);
    finish();
    expect(Buffer.concat(await data.toArray()).toString()).toBe('first last');
  });
});
