/**
 * Returns untrusted text on one line that is safe to print on a terminal. Control characters, direction overrides and
 * other invisible characters are written as `\u{…}`.
 */
export function printable(text: string, maxLength = 200): string {
  const short = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return short.replace(/[\p{C}\u2028\u2029]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
}
