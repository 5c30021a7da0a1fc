import { describe, expect, test } from 'vitest';
import { blocks, codeIn, PAGES, readPage, tables } from './markdown';

test('When the pages are counted, then every page but the measurements is there in both languages', () => {
  expect(PAGES.length).toBeGreaterThan(7);
});

describe.each(PAGES)('$english and $japanese', ({ english, japanese }) => {
  const [one, other] = [readPage(english), readPage(japanese)];

  test('When they are compared, then they show the same commands, output and code', () => {
    expect(blocks(other)).toEqual(blocks(one));
  });

  test('When they are compared, then their tables have the same rows, with the same code and the same statuses', () => {
    const essence = (markdown: string) =>
      tables(markdown).map((rows) =>
        rows.map((cells) => [...codeIn(cells.join(' ')), ...(cells.join(' ').match(/\b[1-5]\d\d\b/g) ?? [])].sort()),
      );
    expect(essence(other)).toEqual(essence(one));
  });

  test('When they are compared, then they have the same sections', () => {
    const levels = (markdown: string) => [...markdown.matchAll(/^(#+) /gm)].map(([, hashes]) => hashes);
    expect(levels(other)).toEqual(levels(one));
  });

  test('When the Japanese page is read, then no line breaks inside a paragraph', () => {
    const prose = other.replace(/^```[\s\S]*?^```$/gm, '').split('\n');
    const starts = /^(#|\||[-*] |\d+\. |!?\[|\*\*|$)/;
    const broken = prose.filter(
      (line, i) => line !== '' && prose[i + 1] !== undefined && !starts.test(prose[i + 1] ?? ''),
    );
    expect(broken).toEqual([]);
  });
});
