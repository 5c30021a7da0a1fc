// Untrusted text enters the page only through these functions, and only as text.

/** Returns the text with control and direction characters written as code points. */
export function visible(text) {
  const spelled = (char) => `⟨U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`;
  return text
    .replaceAll('\r\n', '\n')
    .replace(/[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, (c) =>
      /[\n\t]/.test(c) ? c : spelled(c),
    );
}

/** Returns the visible text on one line. */
export const oneLine = (text) => visible(text.replace(/\s+/g, ' ').trim());
