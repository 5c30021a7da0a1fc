import type { Json } from './recording';

const LONG = 600;

/** A body as the recording writes it: JSON as such, other text and bytes under names that say what they are. */
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
