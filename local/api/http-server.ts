import {
  createServer,
  METHODS,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { acceptHttp2 } from './http2';

/** Node's parser knows this method, and no route has it. */
const RARE_METHOD = 'PURGE';

type ParseError = NodeJS.ErrnoException & { rawPacket?: Buffer };

/**
 * Returns an HTTP server that answers unreadable requests as Go does. Node's parser refuses methods that it does not
 * know, and Go accepts them. Such a request comes again with a rare method, over a second connection. As in daprd, a
 * connection may begin with HTTP/2.
 */
export function createHttpServer(options: ServerOptions, onRequest: RequestListener): Server {
  /** The latest answer over each connection. */
  const answers = new WeakMap<Duplex, ServerResponse>();
  const server = createServer({ ...options, requireHostHeader: false }, (req, res) => {
    req.url = req.url?.replace(/^https?:\/\/[^/?]+/i, ''); // a request to a proxy has a whole URL
    answers.set(req.socket, res);
    const hosts = req.headersDistinct.host?.length ?? 0;
    if (hosts === 1 || (hosts === 0 && req.httpVersion === '1.0')) return onRequest(req, res);
    const line = hosts === 0 ? '400 Bad Request: missing required Host header' : '400 Bad Request';
    res.socket?.end(refusal(line));
  });
  // A server that closes has no address, and another program may listen on its port.
  const target = () => server.address() as AddressInfo | null;
  const takeOver = acceptHttp2(target);
  const sessions = new WeakMap<Duplex, Duplex>();
  const forwarded = new WeakMap<Duplex, Socket>();
  server.on('clientError', ({ code, rawPacket }: ParseError, socket) => {
    const session = sessions.get(socket);
    if (session) return void (rawPacket && session.push(rawPacket));
    if (code === 'HPE_PAUSED_H2_UPGRADE' && rawPacket) return void sessions.set(socket, takeOver(socket, rawPacket));
    const open = forwarded.get(socket);
    if (open) return void (rawPacket && open.write(rawPacket)); // more of the same request
    // What comes after a request that has arrived must not disturb its answer.
    const earlier = answers.get(socket);
    if (earlier?.req.complete && !earlier.closed) return void earlier.once('close', () => socket.end());
    const [method] = /^[A-Za-z-]{1,32}(?= )/.exec(rawPacket?.subarray(0, 40).toString('latin1') ?? '') ?? [];
    // A method that Node knows is that of an earlier request in the same packet.
    if (code === 'HPE_INVALID_METHOD' && method !== undefined && !METHODS.includes(method) && rawPacket) {
      const own = target();
      if (!own) return void socket.destroy();
      const known = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'];
      const again = connect(own.port, own.address);
      forwarded.set(socket, again);
      again.write(known.includes(method.toUpperCase()) ? method.toUpperCase() : RARE_METHOD);
      again.write(rawPacket.subarray(method.length));
      again.pipe(socket);
      again.on('error', () => socket.destroy());
      socket.on('close', () => again.destroy());
      return;
    }
    if (!socket.writable) return void socket.destroy();
    socket.end(refusal(LINES[code ?? ''] ?? '400 Bad Request'));
  });
  return server;
}

/** The status lines for Node's error codes. */
const LINES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_INVALID_VERSION: '505 HTTP Version Not Supported: unsupported protocol version',
};

/** Returns an answer as Go writes it, with the status line as its body. */
const refusal = (line: string) =>
  `HTTP/1.1 ${line}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${line}`;
