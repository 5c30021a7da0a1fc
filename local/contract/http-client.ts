import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { decodeBody } from './body';
import type { Json, Step } from './recording';

export interface Reply {
  status?: number;
  headers?: Record<string, string | string[] | undefined>;
  body?: Json;
  /** The header lines, sorted, with names in lower case. */
  lines?: string[];
  /** The parts of the body as they arrived, and the time until the first. */
  chunks?: string[];
  firstMs?: number;
  /** Whether the connection broke before the end of the body. */
  broken?: boolean;
  /** Node's error code when there is no answer, or else the error message. */
  error?: string;
  tookMs: number;
}

/**
 * Sends the request of a step over a new connection, with its path unchanged. Resolves with the answer or the error.
 */
export async function send(step: Step, port: number, host = '127.0.0.1', timeoutMs = 30_000): Promise<Reply> {
  const { method = 'GET', path = '/', fillHeader } = step;
  const headers = { ...step.headers, ...(fillHeader && { 'x-fill': 'x'.repeat(fillHeader) }) };
  const body = bodyOf(step);
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const defaults: Record<string, string> = names.has('connection') ? {} : { connection: 'close' };
  if (step.json !== undefined && !names.has('content-type')) defaults['content-type'] = 'application/json';
  const framed = body || ['POST', 'PUT', 'PATCH'].includes(method);
  if (framed && !names.has('transfer-encoding')) defaults['content-length'] = String(body?.length ?? 0);
  const startedAt = Date.now();
  try {
    const options = { host, port, method, path, headers: { ...defaults, ...headers }, agent: false as const };
    const reply = await new Promise<Reply>((resolve, reject) => {
      const req = request({ ...options, signal: AbortSignal.timeout(timeoutMs) });
      req.once('error', reject);
      req.once('response', (res) => {
        const answer = { status: res.statusCode ?? 0, headers: res.headers, lines: headerLines(res), tookMs: 0 };
        if (step.stream)
          return void readParts(res, startedAt).then((parts) => resolve({ ...answer, ...parts }), reject);
        buffer(res).then((bytes) => {
          resolve({ ...answer, body: decodeBody(bytes, res.headers['content-type']) });
        }, reject);
      });
      req.end(body);
    });
    return { ...reply, tookMs: Date.now() - startedAt };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { error: code ?? message, tookMs: Date.now() - startedAt };
  }
}

/** Returns the header lines of a message, sorted, with names in lower case. */
export function headerLines({ rawHeaders }: IncomingMessage): string[] {
  const lines = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name.toLowerCase()}: ${rawHeaders[i + 1]}`] : []));
  return lines.sort();
}

async function readParts(res: IncomingMessage, startedAt: number): Promise<Partial<Reply>> {
  const chunks: string[] = [];
  let firstMs = 0;
  res.on('data', (chunk) => {
    firstMs ||= Date.now() - startedAt;
    chunks.push(String(chunk));
  });
  const broken = await new Promise<boolean>((resolve) => {
    res.once('end', () => resolve(false));
    res.once('error', () => resolve(true));
  });
  return { chunks, firstMs, broken };
}

/** Sends `text` over a new connection. Resolves with all that was received until the end or for `timeoutMs`. */
export function sendRaw(text: string, port: number, timeoutMs = 1_000): Promise<{ received: string; closed: boolean }> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    const finish = (closed: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ received, closed });
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    socket.on('data', (chunk) => (received += chunk.toString('latin1')));
    socket.once('end', () => finish(true));
    socket.once('error', () => finish(true));
  });
}

function bodyOf({ json, text, base64, fill }: Step): Buffer | undefined {
  if (json !== undefined) return Buffer.from(JSON.stringify(json));
  if (text !== undefined) return Buffer.from(text);
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  return fill === undefined ? undefined : Buffer.from(`"${'x'.repeat(fill - 2)}"`);
}
