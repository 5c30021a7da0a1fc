// What strangers wrote gets into the page as text only, and only through these.

/** Text as it is, but control characters and what turns the direction of others are spelled out. */
export function visible(text) {
  const spelled = (char) => `⟨U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`;
  return text
    .replaceAll('\r\n', '\n')
    .replace(/[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, (c) =>
      /[\n\t]/.test(c) ? c : spelled(c),
    );
}

export const oneLine = (text) => visible(text.replace(/\s+/g, ' ').trim());
