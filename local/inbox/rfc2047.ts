/**
 * Returns the text of an HTTP header. Its bytes are UTF-8 and may contain RFC 2047 encoded words (`=?UTF-8?B?…?=`).
 * Invalid encoded words stay unchanged.
 *
 * @param value the header value from node:http, with one character for each byte
 */
export function decodeHeader(value: string): string {
  const text = Buffer.from(value, 'latin1').toString();
  // The space between two encoded words is not part of the text.
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
    return undefined; // an unknown charset
  }
}

function quoted(data: string): Buffer {
  const chars = data
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(chars, 'latin1');
}
