import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server as NetServer } from 'node:net';
import type { Log } from '../log';

/** The requests of each listening server that have no complete answer yet. */
const unanswered = new WeakMap<Server, Set<ServerResponse>>();

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
  const open = new Set<ServerResponse>();
  unanswered.set(server, open);
  server.on('request', (_, res) => {
    open.add(res);
    res.once('close', () => open.delete(res));
  });
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

/**
 * Accepts no more connections, waits at most `graceMs` for the requests that have no answer yet, and ends all
 * connections. Resolves when the servers are closed, with whether all requests had an answer.
 */
export async function closeServers(servers: readonly Server[], graceMs: number): Promise<boolean> {
  const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
  for (const server of servers) {
    // As in Go, a connection ends with its next answer. Otherwise a client could go on over it.
    server.prependListener('request', (_, res) => endConnectionAfter(res));
    unanswered.get(server)?.forEach(endConnectionAfter);
  }
  const endConnections = () => {
    for (const server of servers) server.closeAllConnections();
  };
  let isCutOff = false;
  const timer = setTimeout(
    () => {
      isCutOff = servers.some((server) => (unanswered.get(server)?.size ?? 0) > 0);
      endConnections();
    },
    Math.max(0, graceMs),
  );
  for (const server of servers) {
    // The loop also reaches a request that comes while it waits.
    for (const res of unanswered.get(server) ?? []) await new Promise((resolve) => res.once('close', resolve));
  }
  clearTimeout(timer);
  endConnections();
  await Promise.all(closed);
  return !isCutOff;
}

/** Announces in the headers that the connection ends with this answer, unless they are already on their way. */
function endConnectionAfter(res: ServerResponse): void {
  res.shouldKeepAlive = false;
}
