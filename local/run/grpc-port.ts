import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Log } from '../log';

/**
 * Listens on the port of Dapr's gRPC API, which this sidecar does not have. It closes each connection, so that an app
 * which needs gRPC fails at once, and the first one writes the reason to the log. A port that was asked for is named at
 * the start. Resolves with the server, which does not keep the process running.
 *
 * @param given undefined or a number up to 0: a free port
 * @throws {Error} when the port is in use
 */
export async function refuseGrpc(given: number | undefined, log: Log): Promise<Server & { port: number }> {
  const port = Math.max(given ?? 0, 0);
  if (port > 0) log.warn(`nothing answers on the gRPC port ${port}: ${NO_GRPC}`);
  let isFirst = true;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.destroy();
    if (isFirst) log.warn(`the app connects to the gRPC port ${where()}, but ${NO_GRPC}`);
    isFirst = false;
  });
  const where = () => (server.address() as AddressInfo | null)?.port ?? port;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return Object.assign(server, { port: where() });
}

const NO_GRPC =
  'this sidecar has no gRPC API: use the HTTP API (in an SDK: the HTTP protocol and DAPR_HTTP_PORT); workflows, actors and streaming subscriptions need real Dapr';
