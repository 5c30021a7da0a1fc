import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { RequestError, sendRequest } from './http-request';

test('When the server answers 101 Switching Protocols, then the request fails', async () => {
  const server = createServer((socket) => {
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n'),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const url = { protocol: 'http:', hostname: '127.0.0.1', port, path: '/' };
    const request = sendRequest({ url, method: 'POST', headers: {}, body: undefined, maxBodyBytes: 1_000 });
    await expect(request).rejects.toThrow(RequestError);
  } finally {
    server.close();
  }
});
