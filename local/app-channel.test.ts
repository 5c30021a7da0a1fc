import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, test } from 'vitest';
import { AppChannel } from './app-channel';

test('When the app announces its keep-alive timeout, then the sidecar closes an idle connection earlier', async () => {
  const app = createServer((_req, res) => res.end());
  app.keepAliveTimeout = 2_000;
  app.listen(0, '127.0.0.1');
  const connected = once(app, 'connection');
  await once(app, 'listening');
  const { port } = app.address() as AddressInfo;
  const channel = new AppChannel(port, {
    token: undefined,
    maxConcurrent: 1,
    maxBodyBytes: 1_000,
    maxHeaderBytes: 4096,
  });
  try {
    await channel.send({ method: 'GET', path: '/' });
    const [socket] = (await connected) as [Socket];
    // The event `end` shows that the sidecar has closed the connection.
    await expect(once(socket, 'end', { signal: AbortSignal.timeout(5_000) })).resolves.toEqual([]);
  } finally {
    channel.close();
    app.close();
  }
});
