import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { decodeBody } from './body';
import type { Json, Step } from './recording';

export interface Reply {
  status?: number;
  headers?: Record<string, string | string[] | undefined>;
  body?: Json;
  /** Node's error code when there is no answer, or else the error message. */
  error?: string;
  tookMs: number;
}

/**
 * Sends the request of a step over a new connection, with its path unchanged. Resolves with the answer or the error.
 */
export async function send(step: Step, port: number, host = '127.0.0.1', timeoutMs = 30_000): Promise<Reply> {
  const { method = 'GET', path = '/', headers = {} } = step;
  const body = bodyOf(step);
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const defaults: Record<string, string> = { connection: 'close' };
  if (step.json !== undefined && !names.has('content-type')) defaults['content-type'] = 'application/json';
  if (body || ['POST', 'PUT', 'PATCH'].includes(method)) defaults['content-length'] = String(body?.length ?? 0);
  const startedAt = Date.now();
  try {
    const options = { host, port, method, path, headers: { ...defaults, ...headers }, agent: false as const };
    const reply = await new Promise<Reply>((resolve, reject) => {
      const req = request({ ...options, signal: AbortSignal.timeout(timeoutMs) });
      req.once('error', reject);
      req.once('response', (res) => {
        buffer(res).then((bytes) => {
          const answered = decodeBody(bytes, res.headers['content-type']);
          resolve({ status: res.statusCode ?? 0, headers: res.headers, body: answered, tookMs: 0 });
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

function bodyOf({ json, text, base64, fill }: Step): Buffer | undefined {
  if (json !== undefined) return Buffer.from(JSON.stringify(json));
  if (text !== undefined) return Buffer.from(text);
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  return fill === undefined ? undefined : Buffer.from(`"${'x'.repeat(fill - 2)}"`);
}
