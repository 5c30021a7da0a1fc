import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { BLOCK_TYPES, BROKER_TYPES, STORE_TYPES } from './components';

const ROOT = resolve(__dirname, '..');
const readme = readFileSync(join(__dirname, 'README.md'), 'utf8');
const blocks = (language: string) =>
  [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, of, text]) => (of === language ? [text ?? ''] : []));
const { bin, exports, scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

test('When the README names files and commands, then they exist', () => {
  const paths = [...readme.matchAll(/^\| (`.+?`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([\w./-]+(?:\.ts|\/))`/g)].map(([, path]) => path ?? ''),
  );
  expect(paths.length).toBeGreaterThan(8);
  for (const path of paths) expect(existsSync(join(__dirname, path)), path).toBe(true);
  expect(Object.keys(bin)).toEqual(['dapr-local']);
  expect(Object.keys(exports)).toEqual(['./local']);
  for (const command of blocks('sh')
    .join('')
    .matchAll(/npm run ([\w:]+)/g))
    expect(scripts).toHaveProperty([command[1] ?? '']);
});

test('When the README lists component types, then the list is complete', () => {
  const named = [
    ...readme.matchAll(/^\| (`(?:pubsub|state|secretstores|configuration|bindings|middleware)\..*?) \|/gm),
  ].flatMap(([, cell = '']) => [...cell.matchAll(/`([\w.-]+)`/g)].map(([, type]) => type));
  expect(named.sort()).toEqual([...BROKER_TYPES, ...STORE_TYPES, ...BLOCK_TYPES].sort());
});
