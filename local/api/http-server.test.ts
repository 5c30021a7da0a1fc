import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { createHttpServer } from './http-server';

/** Sends bytes over a connection, and returns what comes back until the server ends it. */
async function exchange(socket: Socket, text: string): Promise<string> {
  socket.on('error', () => {}); // a reset connection is also an end
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = once(socket, 'close');
  socket.write(text, 'latin1');
  await closed;
  return Buffer.concat(chunks).toString('latin1');
}

for (const [what, bytes] of [
  ['a method that Node does not know', 'get /late HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x06\x01\x05\0\0\0\x01\x82\x84\x86\x41\x01x'],
] as const) {
  test(`When a request with ${what} comes over an open connection of a closing server, then the server goes on`, async () => {
    const held: ServerResponse[] = [];
    const server = createHttpServer({}, (_, res) => void held.push(res));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const early = connect(port, '127.0.0.1');
    await once(early, 'connect');
    const call = fetch(`http://127.0.0.1:${port}/slow`);
    await vi.waitFor(() => expect(held).toHaveLength(1), { timeout: 20_000 });
    const closed = once(server, 'close');
    server.close();
    const late = exchange(early, bytes);
    setTimeout(() => early.destroy(), 2_000).unref(); // HTTP/2 leaves the connection open after it refused the stream
    expect(await late).not.toContain('200');
    expect(held).toHaveLength(1);
    held[0]?.end('answer');
    expect(await (await call).text()).toBe('answer');
    server.closeAllConnections();
    await closed;
  });
}

test.each([
  ['more bytes than its length', 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcdef ghi\r\n\r\n'],
  ['a request with an unknown method', 'GET /a HTTP/1.1\r\nHost: x\r\n\r\nBREW /b HTTP/1.1\r\nHost: x\r\n\r\n'],
])('When a request comes in one packet with %s, then it is handled once', async (_, bytes) => {
  const urls: (string | undefined)[] = [];
  const server = createHttpServer({}, (req, res) => {
    urls.push(req.url);
    req.resume();
    setTimeout(() => res.end('answer'), 100);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  expect(await exchange(socket, bytes)).toMatch(/^HTTP\/1\.1 200 [\s\S]*answer/);
  expect(urls).toEqual(['/a']);
  server.close();
});
