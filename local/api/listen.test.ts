import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test, vi } from 'vitest';
import { silent } from '../log';
import { closeServers, listen } from './listen';

test('When the time of a stop is over, then a request in progress is cut off, and Node does not warn of a negative time', async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  const held: ServerResponse[] = [];
  const server = createServer((_, res) => void held.push(res));
  await listen(server, 0, ['127.0.0.1'], silent);
  const call = fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await vi.waitFor(() => expect(held).toHaveLength(1), { timeout: 20_000 });
  const closed = closeServers([server], -1);
  await expect(call).rejects.toThrow();
  expect(await closed).toBe(false);
  process.off('warning', warned);
  // Node.js 20 does not warn.
  expect(warnings).toEqual([]);
});
