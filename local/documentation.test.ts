import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { BROKER_TYPES, STORE_TYPES } from './components';

const ROOT = resolve(__dirname, '..');
const readme = readFileSync(join(__dirname, 'README.md'), 'utf8');
const blocks = (language: string) =>
  [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, of, text]) => (of === language ? [text ?? ''] : []));
const { name, bin, exports, scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

test('When the example runs in another project, then its assertion holds and its process exits', () => {
  const project = mkdtempSync(join(tmpdir(), 'project-'));
  try {
    mkdirSync(join(project, 'node_modules'));
    symlinkSync(ROOT, join(project, 'node_modules', name));
    writeFileSync(join(project, 'shop.test.js'), blocks('js')[0] ?? 'throw new Error("the README has no example")');
    execFileSync(process.execPath, ['shop.test.js'], { cwd: project, timeout: 15_000 });
  } finally {
    rmSync(project, { recursive: true });
  }
});

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
  const named = [...readme.matchAll(/^\| (`(?:pubsub|state)\..*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([\w.-]+)`/g)].map(([, type]) => type),
  );
  expect(named.sort()).toEqual([...BROKER_TYPES, ...STORE_TYPES].sort());
});
