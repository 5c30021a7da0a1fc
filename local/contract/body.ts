import type { Json } from './recording';

const LONG = 600;

/**
 * Returns a body in the form that the recording has: parsed JSON, `{ $text }` for other text, `{ $base64 }` for bytes.
 */
export function decodeBody(bytes: Buffer, contentType = ''): Json {
  if (bytes.length === 0) return null;
  const text = bytes.toString();
  if (!Buffer.from(text).equals(bytes)) return { $base64: bytes.toString('base64') };
  if (contentType.includes('json')) {
    try {
      return JSON.parse(text);
    } catch {
      return { $text: text };
    }
  }
  return { $text: text.length > LONG ? `${text.slice(0, 60)}…(${text.length} chars)` : text };
}
