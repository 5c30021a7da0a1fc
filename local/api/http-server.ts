import { createServer, type RequestListener, type Server, type ServerOptions, STATUS_CODES } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Node's parser knows this method, and no route has it. */
const RARE_METHOD = 'PURGE';

type ParseError = NodeJS.ErrnoException & { rawPacket?: Buffer };

/**
 * Returns an HTTP server that answers unreadable requests as Go does. Node's parser refuses methods that it does not
 * know, and Go accepts them. Such a request comes again with a rare method, over a second connection.
 */
export function createHttpServer(options: ServerOptions, onRequest: RequestListener): Server {
  const server = createServer(options, onRequest);
  const forwarded = new WeakMap<Duplex, Socket>();
  server.on('clientError', ({ code, rawPacket }: ParseError, socket) => {
    const open = forwarded.get(socket);
    if (open) return void (rawPacket && open.write(rawPacket)); // more of the same request
    const [method] = /^[A-Za-z-]{1,32}(?= )/.exec(rawPacket?.subarray(0, 40).toString('latin1') ?? '') ?? [];
    if (code === 'HPE_INVALID_METHOD' && method !== undefined && method !== RARE_METHOD && rawPacket) {
      const { address, port } = server.address() as AddressInfo;
      const known = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'];
      const again = connect(port, address);
      forwarded.set(socket, again);
      again.write(known.includes(method.toUpperCase()) ? method.toUpperCase() : RARE_METHOD);
      again.write(rawPacket.subarray(method.length));
      again.pipe(socket);
      again.on('error', () => socket.destroy());
      socket.on('close', () => again.destroy());
      return;
    }
    if (!socket.writable) return void socket.destroy();
    const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
    const line = `${status} ${STATUS_CODES[status]}`;
    socket.end(`HTTP/1.1 ${line}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${line}`);
  });
  return server;
}
