/**
 * The text of an HTTP header: its bytes are UTF-8, and parts of it may be RFC 2047 encoded words (`=?UTF-8?B?…?=`).
 * What is no proper encoded word stays as it is.
 *
 * @param value as node:http gives it, a character for each byte
 */
export function decodeHeader(value: string): string {
  const text = Buffer.from(value, 'latin1').toString();
  // Space between two encoded words is there only to separate them.
  const joined = text.replace(/(\?=)\s+(?==\?[^?\s]+\?[BbQq]\?[^?\s]*\?=)/g, '$1');
  return joined.replace(
    /=\?([^?\s]+)\?([BbQq])\?([^?\s]*)\?=/g,
    (word, charset: string, encoding: string, data: string) => decodeWord(charset, encoding, data) ?? word,
  );
}

function decodeWord(charset: string, encoding: string, data: string): string | undefined {
  const bytes = encoding.toUpperCase() === 'B' ? Buffer.from(data, 'base64') : quoted(data);
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return undefined; // a charset that nobody knows
  }
}

function quoted(data: string): Buffer {
  const chars = data
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(chars, 'latin1');
}
