import { createServer, type IncomingMessage, METHODS, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Express } from 'express';
import { problem } from './problem-details';

interface Exchange {
  req: IncomingMessage;
  res: ServerResponse;
}
/** Whether a request has arrived whole and is not answered. */
const isInProgress = ({ req, res }: Exchange) => req.complete && !res.closed;

/** The open connections of a server, each with the requests that have not arrived whole or are not answered. */
const connections = new WeakMap<Server, Map<Socket, Exchange[]>>();

// Errors of Node's HTTP parser (https://nodejs.org/api/http.html#event-clienterror), and the answers to them.
const PARSER_ERRORS: Record<string, [status: number, detail: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'The header fields are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
};

/** How long a client may take to send its header. Node answers 408 after that. */
export const HEADERS_TIMEOUT_MS = 10_000;
/** How long a client may take to send its request. */
const REQUEST_TIMEOUT_MS = 30_000;
/**
 * How long a client should keep an idle connection, in seconds, in the header `Keep-Alive`. A stop closes the connections
 * that were idle for SHUTDOWN_DELAY_MS, and a request that is on its way at that moment fails. Clients that read the header
 * have no such connections then, because 5 s are shorter than that delay (kubernetes/base/services.yaml).
 */
export const IDLE_HINT_S = 5;
/** How often Node looks for connections whose time is over. Its default is 30 s. */
const TIMEOUT_CHECK_MS = 1_000;

/**
 * Returns an HTTP server for `app`. It answers with a problem document where Node would answer with an empty body:
 * requests that the parser refuses, CONNECT, an unknown `Expect`, a missing `Host`.
 */
export function createHttpServer(app: Express): Server {
  const server = createServer({ requireHostHeader: false, connectionsCheckingInterval: TIMEOUT_CHECK_MS }, app);
  const open = new Map<Socket, Exchange[]>();
  connections.set(server, open);
  server.on('connection', (socket: Socket) => {
    open.set(socket, []);
    socket.once('close', () => open.delete(socket));
  });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  // Clients and proxies keep an idle connection for 60 s or less. We keep it longer, so that they close it first and
  // never write into a connection that we are closing. Node would advertise these 75 s.
  server.keepAliveTimeout = 75_000;
  server.prependListener('request', (req, res) => {
    const earlier = open.get(req.socket)?.filter(({ req, res }) => !req.complete || !res.closed) ?? [];
    open.set(req.socket, [...earlier, { req, res }]);
    if (!res.shouldKeepAlive || res.hasHeader('connection')) return;
    res.setHeader('connection', 'keep-alive').setHeader('keep-alive', `timeout=${IDLE_HINT_S}`);
  });
  // When the server closes during an answer, the connection would stay open after it until the client closes it.
  server.on('request', (_req, res) => {
    res.once('close', () => setImmediate(() => server.listening || server.closeIdleConnections()));
  });
  server.on('checkExpectation', (req, res) => server.emit('request', req, res));
  server.on('connect', (_req, socket: Socket) => refuse(socket, 405, 'CONNECT is not allowed here.'));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return;
    const exchanges = open.get(socket) ?? [];
    // What comes after requests that have arrived must not disturb their answers.
    const last = exchanges.findLast(isInProgress);
    if (last) return void last.res.once('close', () => socket.destroySoon());
    // The rest of a request that is already answered needs no second answer.
    if (exchanges.some(({ req, res }) => !req.complete && res.headersSent)) return socket.destroySoon();
    const [status, detail] = parserError(error);
    refuse(socket, status, detail);
  });
  return server;
}

function parserError({ code = '', rawPacket }: NodeJS.ErrnoException & { rawPacket?: Buffer }): [number, string] {
  const known = PARSER_ERRORS[code];
  if (known) return known;
  const [, method] = /^([A-Z][A-Z-]{0,31}) \S+ HTTP\/1\.[01]\r?\n/.exec(rawPacket?.toString('latin1') ?? '') ?? [];
  if (code === 'HPE_INVALID_METHOD' && method && !METHODS.includes(method))
    return [400, `The method ${method} is not known here.`];
  return [400, 'The request is not valid HTTP.'];
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

/**
 * Closes each connection after its next answer, and says so in the answer. A client that sends requests one after the
 * other then has no connection left that `closeServer` could close while a request is on its way.
 */
export function closeAfterAnswers(server: Server): void {
  server.prependListener('request', (_req, res) => res.setHeader('connection', 'close'));
}

/** How long a request may still take to arrive when the server closes. */
const ARRIVAL_MS = 1_000;

/**
 * Accepts no more connections, and resolves when the requests in progress are answered. After a second, connections are
 * closed over which nothing or only a part of a request has arrived, because a client may keep them open for long.
 */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const timer = setInterval(() => {
    for (const [socket, exchanges] of connections.get(server) ?? []) {
      if (!exchanges.some(isInProgress)) socket.destroySoon();
    }
  }, ARRIVAL_MS);
  await closed;
  clearInterval(timer);
}
