import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, createServer, type Server as NetServer } from 'node:net';
import type { Log } from '../log';

/**
 * Makes a server listen on one port of several addresses. Resolves with the listeners of the other addresses, which end
 * with `close`. As in daprd, an address on which it cannot listen is left out.
 *
 * @throws {Error} when it cannot listen on the first address
 */
export async function listen(
  server: Server,
  port: number,
  addresses: readonly string[],
  log: Log,
): Promise<NetServer[]> {
  const [first, ...others] = addresses;
  server.listen(port, first);
  await once(server, 'listening');
  const listeners: NetServer[] = [];
  for (const address of others) {
    const listener = createServer((socket) => server.emit('connection', socket));
    listener.listen((server.address() as AddressInfo).port, address);
    try {
      await once(listener, 'listening');
      listeners.push(listener);
    } catch (error) {
      log.warn(`cannot listen on ${address}: ${(error as Error).message}`);
    }
  }
  return listeners;
}

/** Ends all connections of servers. Resolves when the servers are closed. */
export async function closeServers(servers: readonly Server[]): Promise<void> {
  const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
  for (const server of servers) server.closeAllConnections();
  await Promise.all(closed);
}
