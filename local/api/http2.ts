import { request } from 'node:http';
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';

/** Headers of a connection, which HTTP/2 does not have. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'host', 'http2-settings']);

/** Returns where the server of HTTP/1.1 listens, or null when it closes. */
type Target = () => { port: number; address: string } | null;

/** Serves connections of HTTP/2 without TLS (h2c with prior knowledge). Returns a function that takes a connection over. */
export function acceptHttp2(target: Target): (socket: Duplex, first: Buffer) => Duplex {
  let server: Http2Server | undefined;
  return (socket, first) => {
    server ??= createHttp2Server(target);
    // Node's parser of HTTP/1.1 keeps the socket and reports what it reads, so the session gets a stream of its own.
    const session = new Duplex({
      read() {},
      write: (chunk, _, done) => void socket.write(chunk, done),
      final: (done) => void socket.end(done),
      destroy: (error, done) => {
        socket.destroy();
        done(error);
      },
    });
    socket.once('close', () => session.destroy());
    session.push(first);
    server.emit('connection', session);
    return session;
  };
}

/** Loads Node's HTTP/2 only for a connection that needs it, because loading it takes a fifth of the start-up time. */
function createHttp2Server(target: Target): Http2Server {
  const { createServer, constants } = process.getBuiltinModule('node:http2');
  const server = createServer();
  server.on('sessionError', () => {}); // the client sent something that is not HTTP/2, or has gone
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {}); // the client has gone, or the stream was refused
    const own = target();
    if (own) forward(stream, headers, own);
    else stream.close(constants.NGHTTP2_REFUSED_STREAM);
  });
  return server;
}

/** Sends a request of HTTP/2 to the server of HTTP/1.1, and its answer back. */
function forward(
  stream: ServerHttp2Stream,
  given: IncomingHttpHeaders,
  { port, address }: { port: number; address: string },
): void {
  const { ':method': method = 'GET', ':path': path = '/', ':authority': authority } = given;
  const headers = Object.fromEntries(Object.entries(given).filter(([name]) => !name.startsWith(':')));
  const sent = request({
    host: address,
    port,
    method,
    path,
    agent: false,
    headers: { ...headers, host: authority ?? given.host ?? `${address}:${port}` },
  });
  stream.once('close', () => sent.destroy());
  sent.on('error', () => stream.destroy());
  sent.on('response', (answer) => {
    const known = Object.entries(answer.headers).filter(([name]) => !HOP_BY_HOP.has(name));
    stream.respond({ ':status': answer.statusCode ?? 500, ...Object.fromEntries(known) });
    answer.pipe(stream);
    answer.on('error', () => stream.destroy());
  });
  stream.pipe(sent);
}
