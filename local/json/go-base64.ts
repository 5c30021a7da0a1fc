/** Returns the bytes of a base64 text. @throws {Error} with Go's message for invalid base64 */
export function goBase64(text: string): Buffer {
  const bad = base64Error(text.replace(/[\r\n]/g, ''));
  if (bad !== undefined) throw new Error(`illegal base64 data at input byte ${bad}`);
  return Buffer.from(text, 'base64');
}

/** Returns the position of the first invalid base64 character, as Go counts it; undefined if the text is valid. */
function base64Error(text: string): number | undefined {
  const digits = /^[A-Za-z0-9+/]*/.exec(text)?.[0].length ?? 0;
  const inQuantum = digits % 4;
  if (digits === text.length) return inQuantum === 0 ? undefined : digits - inQuantum;
  if (text[digits] !== '=' || inQuantum < 2) return digits;
  const end = digits + 4 - inQuantum;
  if (inQuantum === 2 && text[digits + 1] !== '=') return Math.min(digits + 1, text.length);
  return end === text.length ? undefined : end;
}
