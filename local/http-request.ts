import {
  type Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type RequestOptions,
  request as requestHttp,
} from 'node:http';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** The start of an answer. Its body is still to be read. */
export interface OpenAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** The header lines, with names in lower case. A header may have several lines. */
  readonly lines: HeaderLine[];
  body: Readable;
}

export type HeaderLine = [name: string, value: string];

export interface OpenRequest {
  /** `protocol` is `http:` or `https:`. `path` is sent unchanged. */
  url: { protocol: string; hostname: string; port: number | undefined; path: string };
  method: string;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer | Readable | undefined;
  signal?: AbortSignal | undefined;
  agent?: Agent | undefined;
  /** The limit for the headers of the answer. Default: Node's. */
  maxHeaderBytes?: number | undefined;
  /** For https: PEM texts of the certificate authorities, and of the certificate and key of the client. */
  tls?: { ca: string | undefined; cert: string | undefined; key: string | undefined };
}

export interface HttpRequest extends OpenRequest {
  /** The limit for the body of the answer. */
  maxBodyBytes: number;
}

/** A request that got no complete answer. `code` is Node's error code, if there is one. */
export class RequestError extends Error {
  readonly code: string | undefined;

  constructor(cause: NodeJS.ErrnoException) {
    super(cause.message, { cause });
    this.code = cause.code;
  }
}

/**
 * Resolves with the complete answer to a request.
 *
 * @throws {RequestError} when the connection fails, or the answer is incomplete or too long
 */
export async function sendRequest({ maxBodyBytes, ...request }: HttpRequest): Promise<HttpAnswer> {
  const { status, headers, body } = await openRequest(request);
  return { status, headers, body: await readAll(body, maxBodyBytes) };
}

/** Resolves with the bytes of a stream. @throws {RequestError} when it breaks or is longer than `maxBytes` */
export function readAll(stream: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Events cost less than an async iterator, and every delivery passes here.
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new RequestError(error));
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) stream.destroy(new Error(`the answer is longer than ${maxBytes} bytes`));
      else chunks.push(chunk);
    });
    stream.once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    stream.once('error', fail);
    stream.once('close', () => stream.readableEnded || fail(new Error('aborted')));
  });
}

/**
 * Resolves with the answer to a request when its headers have arrived. Like Go, it accepts and unpacks gzip unless
 * `headers` has `accept-encoding`. A broken connection breaks the body. Read the body to its end, or destroy it.
 *
 * @throws {RequestError} when the connection fails
 */
export function openRequest(given: OpenRequest): Promise<OpenAnswer> {
  const { url, method, headers, body, signal, agent, maxHeaderBytes, tls = {} } = given;
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new RequestError(error));
    const unpacks = headers['accept-encoding'] === undefined && method !== 'HEAD';
    const { expect, ...others } = headers;
    const options: RequestOptions & typeof tls = {
      ...Object.fromEntries(Object.entries(tls).filter(([, pem]) => pem !== undefined)),
      protocol: url.protocol,
      hostname: url.hostname,
      port: url.port,
      path: url.path,
      method,
      headers: {
        ...(unpacks && { 'accept-encoding': 'gzip' }),
        ...defined(others),
      },
      ...(agent && { agent }),
      ...(maxHeaderBytes !== undefined && { maxHeaderSize: maxHeaderBytes }),
    };
    let req: ReturnType<typeof requestHttp>;
    try {
      // TLS is loaded with the first request that needs it: it would delay every start.
      const request = url.protocol === 'https:' ? process.getBuiltinModule('node:https').request : requestHttp;
      req = request(options);
    } catch (error) {
      return fail(error as Error); // an invalid character in the path or in a header
    }
    // HTTP/1.1 keeps connections open without this header, and Go does not send it.
    req.removeHeader('connection');
    // If `options` had this header, Node would send the headers now and wait for the answer 100 Continue.
    if (expect !== undefined) req.setHeader('expect', expect);
    req.on('error', fail);
    if (signal) abortWith(signal, req);
    // Without a listener, Node closes the connection without an event, and the promise would never settle.
    req.on('upgrade', (_, socket) => {
      socket.destroy();
      fail(new Error('the answer is 101 Switching Protocols'));
    });
    req.on('response', (res) => {
      const { statusCode: status = 0, headers: answered } = res;
      const packed = unpacks && answered['content-encoding'] === 'gzip' && status !== 204 && status !== 304;
      // Few callers read the lines, so they are made when they are read.
      if (!packed) {
        return resolve({
          status,
          headers: answered,
          body: res,
          get lines() {
            return linesOf(res.rawHeaders);
          },
        });
      }
      const { 'content-encoding': _, ...others } = answered;
      const lines = linesOf(res.rawHeaders).filter(([name]) => name !== 'content-encoding');
      resolve({ status, headers: others, lines, body: unpack(res) });
    });
    if (body === undefined || Buffer.isBuffer(body)) req.end(body);
    else {
      body.once('error', fail);
      pipeline(body, req, () => {}); // an error of the body destroys the request
    }
  });
}

/** Destroys a request when the signal is aborted. Node's option `signal` does the same with more listeners. */
function abortWith(signal: AbortSignal, req: ClientRequest): void {
  const abort = () => void req.destroy(Object.assign(new Error('The operation was aborted'), { code: 'ABORT_ERR' }));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  req.once('close', () => signal.removeEventListener('abort', abort));
}

/** Returns the headers that have a value. */
function defined<T>(headers: Record<string, T | undefined>): Record<string, T> {
  const given: Record<string, T> = {};
  for (const name in headers) if (headers[name] !== undefined) given[name] = headers[name];
  return given;
}

/** Returns the unpacked bytes. An empty body, which is not gzip, is empty. */
function unpack(packed: Readable): Readable {
  const unpacked = new PassThrough();
  packed.once('readable', () => {
    const steps = packed.readableLength === 0 ? [packed, unpacked] : [packed, createGunzip(), unpacked];
    pipeline(steps, () => {});
  });
  packed.once('error', (error) => unpacked.destroy(error));
  return unpacked;
}

/** Returns the lines of Node's flat list of header names and values. */
export const linesOf = (rawHeaders: readonly string[]): HeaderLine[] =>
  rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1] ?? '']] : []));
