import { type Agent, type IncomingHttpHeaders, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { gunzip } from 'node:zlib';

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface HttpRequest {
  /** `protocol` is `http:` or `https:`. `path` is sent unchanged. */
  url: { protocol: string; hostname: string; port: number | undefined; path: string };
  method: string;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer | undefined;
  signal?: AbortSignal | undefined;
  agent?: Agent | undefined;
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
 * Resolves with the answer to a request. Like Go, it accepts and unpacks gzip unless `headers` has `accept-encoding`.
 *
 * @throws {RequestError} when the connection fails, or the answer is incomplete or too long
 */
export function sendRequest({
  url,
  method,
  headers,
  body,
  signal,
  agent,
  maxBodyBytes,
}: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new RequestError(error));
    const unpacks = headers['accept-encoding'] === undefined;
    const options: RequestOptions = {
      protocol: url.protocol,
      hostname: url.hostname,
      port: url.port,
      path: url.path,
      method,
      headers: {
        ...(unpacks && { 'accept-encoding': 'gzip' }),
        ...Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
      },
      ...(agent && { agent }),
      ...(signal && { signal }),
    };
    let req: ReturnType<typeof requestHttp>;
    try {
      req = url.protocol === 'https:' ? requestHttps(options) : requestHttp(options);
    } catch (error) {
      return fail(error as Error); // an invalid character in the path or in a header
    }
    // HTTP/1.1 keeps connections open without this header, and Go does not send it.
    req.removeHeader('connection');
    req.on('error', fail);
    // Without a listener, Node closes the connection without an event, and the promise would never settle.
    req.on('upgrade', (_, socket) => {
      socket.destroy();
      fail(new Error('the answer is 101 Switching Protocols'));
    });
    req.on('response', (res) => {
      const chunks: Buffer[] = [];
      let length = 0;
      res.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > maxBodyBytes) req.destroy(new Error(`the answer is longer than ${maxBodyBytes} bytes`));
        else chunks.push(chunk);
      });
      res.on('error', fail);
      res.on('end', () => {
        const { statusCode: status = 0, headers: answered } = res;
        const answer = { status, headers: answered, body: Buffer.concat(chunks) };
        if (!unpacks || answered['content-encoding'] !== 'gzip' || answer.body.length === 0) return resolve(answer);
        const { 'content-encoding': _, ...others } = answered;
        gunzip(answer.body, { maxOutputLength: maxBodyBytes }, (error, unpacked) =>
          error ? fail(error) : resolve({ status, headers: others, body: unpacked }),
        );
      });
    });
    req.end(body);
  });
}
