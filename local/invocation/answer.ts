import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import type { ApiAnswer } from '../api/answer';
import type { OpenAnswer } from '../http-request';
import { forwardedAnswer } from './headers';

/**
 * Resolves with the answer for the caller when the first part of the body is there. Each later part reaches the caller
 * at once. If the app breaks off, the answer of the caller ends there, as with daprd.
 *
 * @param onBroken returns a last part for an answer that breaks
 */
export async function toAnswer(answer: OpenAnswer, onBroken?: (error: Error) => string): Promise<ApiAnswer> {
  const { status, headers, lines } = answer;
  const { first, body } = await firstPart(answer.body, onBroken);
  // If the app sends no content type, daprd declares an error as JSON, and Go inspects the first bytes of other answers.
  const type =
    headers['content-type'] ?? (status > 399 && Buffer.isBuffer(body) ? JSON_TYPE : detectContentType(first));
  return { status, headers: { ...forwardedAnswer(lines), ...(type !== undefined && { 'content-type': type }) }, body };
}

/** Resolves with the answer for the caller, whose complete body is known. */
export function toAnswerInFull({ status, headers, lines }: OpenAnswer, body: Buffer): ApiAnswer {
  const type = headers['content-type'] ?? (status > 399 ? JSON_TYPE : detectContentType(body));
  return { status, headers: { ...forwardedAnswer(lines), ...(type !== undefined && { 'content-type': type }) }, body };
}

const JSON_TYPE = 'application/json';
const EMPTY = Buffer.alloc(0);

async function firstPart(
  source: Readable,
  onBroken?: (error: Error) => string,
): Promise<{ first: Buffer; body: Buffer | Readable }> {
  const parts = new PassThrough();
  source.on('data', (part) => {
    if (parts.write(part)) return;
    source.pause();
    parts.once('drain', () => source.resume());
  });
  source.once('end', () => parts.end());
  source.once('error', (error) => parts.end(onBroken?.(error)));
  // The caller has disconnected.
  parts.once('close', () => source.destroy());
  await Promise.race([once(parts, 'readable'), once(parts, 'end')]);
  const first: Buffer | null = parts.read();
  if (first === null) return { first: EMPTY, body: EMPTY };
  parts.unshift(first);
  return { first, body: parts };
}

/** Returns the content type that Go detects. It covers the common part of https://mimesniff.spec.whatwg.org/. */
function detectContentType(body: Buffer): string | undefined {
  if (body.length === 0) return undefined;
  const head = body.subarray(0, 512).toString('latin1');
  for (const [signature, type] of SIGNATURES) if (head.startsWith(signature)) return type;
  const start = head.trimStart().toLowerCase();
  if (/^<(!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|!--)[\s>]/.test(start))
    return 'text/html; charset=utf-8';
  if (start.startsWith('<?xml')) return 'text/xml; charset=utf-8';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: data with these characters is binary
  return /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]/.test(start) ? 'application/octet-stream' : 'text/plain; charset=utf-8';
}

const SIGNATURES = [
  ['%PDF-', 'application/pdf'],
  ['%!PS-Adobe-', 'application/postscript'],
  ['GIF87a', 'image/gif'],
  ['GIF89a', 'image/gif'],
  ['\x89PNG\r\n\x1a\n', 'image/png'],
  ['\xff\xd8\xff', 'image/jpeg'],
  ['BM', 'image/bmp'],
  ['OggS\0', 'application/ogg'],
  ['PK\x03\x04', 'application/zip'],
  ['\x1f\x8b\x08', 'application/x-gzip'],
  ['\xef\xbb\xbf', 'text/plain; charset=utf-8'],
] as const;
