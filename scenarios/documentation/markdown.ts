import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../stacks/root';

/** A page in both languages, with paths from the root of the repository. */
export interface Page {
  english: string;
  japanese: string;
}

const docs = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));

/** The pages that exist in both languages. */
export const PAGES: readonly Page[] = [
  { english: 'README.md', japanese: 'README.ja.md' },
  ...docs
    .filter((name) => existsSync(join(ROOT, 'docs/ja', name)))
    .map((name) => ({ english: `docs/${name}`, japanese: `docs/ja/${name}` })),
];

/** Every page, with paths from the root of the repository. */
export const ALL_PAGES: readonly string[] = [
  'CONTRIBUTING.md',
  ...new Set([...PAGES.flatMap(({ english, japanese }) => [english, japanese]), ...docs.map((name) => `docs/${name}`)]),
];

export const readPage = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** A fenced code block. */
export interface Block {
  language: string;
  text: string;
}

export const blocks = (markdown: string): Block[] =>
  [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({ language, text }));

/** Returns the commands of the shell blocks. */
export const commands = (markdown: string): string[] =>
  blocks(markdown).flatMap(({ language, text }) => (language === 'sh' ? text.trim().split('\n') : []));

/** Returns the cells of each row of each table, without the heads. */
export const tables = (markdown: string): string[][][] =>
  [...markdown.matchAll(/^\|.*\|\n\|[-|]+\|\n((?:\|.*\|\n)+)/gm)].map(([, body = '']) =>
    body
      .trim()
      .split('\n')
      .map((row) =>
        row
          .slice(1, -1)
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim()),
      ),
  );

/** Returns the code spans of a text. */
export const codeIn = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '');
