import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Express } from 'express';
import { problem } from './problem-details';

// What Node's HTTP parser reports (https://nodejs.org/api/http.html#event-clienterror) and the status that says so.
const PARSER_ERRORS: Record<string, [status: number, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'The header fields are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
};

/**
 * An HTTP server that answers every request with what `app` says or with a problem document, also where Node would
 * answer by itself: requests that its parser refuses, CONNECT, an unknown `Expect`, a missing `Host`.
 */
export function createHttpServer(app: Express): Server {
  const server = createServer({ requireHostHeader: false }, app);
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  // Longer than the 60 s or less that clients and proxies keep an idle connection, so that they close first and never
  // write into a connection that is just being closed.
  server.keepAliveTimeout = 75_000;
  // A connection that was answering when the server closed would otherwise stay until its client gives it up.
  server.on('request', (_req, res) => {
    res.once('close', () => setImmediate(() => server.listening || server.closeIdleConnections()));
  });
  server.on('checkExpectation', app);
  server.on('connect', (_req, socket: Socket) => refuse(socket, 405, 'CONNECT is not allowed here.'));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return;
    const [status, detail] = PARSER_ERRORS[error.code ?? ''] ?? [400, 'The request is not valid HTTP.'];
    refuse(socket, status, detail);
  });
  return server;
}

function refuse(socket: Socket, status: number, detail: string): void {
  const document = problem(status, detail);
  const body = JSON.stringify(document);
  const head = [
    `HTTP/1.1 ${status} ${document.title}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.on('error', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroySoon());
}

/** Takes no more connections; resolves when the requests in flight are answered. */
export const closeServer = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
