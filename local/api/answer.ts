import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

/** An answer of the API. */
export interface ApiAnswer {
  status: number;
  headers?: Record<string, string | string[] | undefined>;
  body?: string | Buffer | Readable;
}

/** Writes an answer. Resolves when the caller has it, or has disconnected. */
export async function writeAnswer(
  { method, httpVersion }: IncomingMessage,
  res: ServerResponse,
  answer: ApiAnswer,
): Promise<void> {
  const { status, headers = {}, body = '' } = answer;
  const given: OutgoingHttpHeaders = {};
  // Go does not say that a connection with HTTP/1.1 stays open.
  if (httpVersion === '1.1' && res.shouldKeepAlive) res.removeHeader('connection');
  for (const name in headers) if (headers[name] !== undefined) given[name] = headers[name];
  if (body instanceof Readable) {
    res.writeHead(status, given);
    body.pipe(res);
    return new Promise((resolve) => {
      res.once('finish', resolve);
      res.once('close', () => {
        body.destroy();
        resolve();
      });
    });
  }
  const hasLength = status !== 204 && status !== 304 && !(method === 'HEAD' && body.length === 0);
  if (hasLength) given['content-length'] = String(Buffer.byteLength(body));
  res.writeHead(status, given);
  res.end(method === 'HEAD' ? undefined : body);
}
