import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { freePort } from '../testing/free-port';
import { refuseGrpc } from './grpc-port';

test('When an app connects to the gRPC port, then the connection ends at once, and one line says why', async () => {
  const lines: string[] = [];
  const port = await freePort();
  const log = { info: () => {}, warn: (line: string) => lines.push(line), error: () => {} };
  const server = await refuseGrpc(port, log);
  try {
    expect(lines).toEqual([expect.stringContaining(`nothing answers on the gRPC port ${port}`)]);
    for (const _ of [1, 2])
      await once(
        connect(port, '127.0.0.1').on('error', () => {}),
        'close',
      );
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain(`the app connects to the gRPC port ${port}, but this sidecar has no gRPC API`);
  } finally {
    server.close();
  }
});
