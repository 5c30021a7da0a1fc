import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryFiles } from './stacks/repository-files';
import { ROOT } from './stacks/root';

/** Each TypeScript file with the files of this repository that it imports, both without `.ts`. */
const imports = new Map(
  repositoryFiles()
    .filter((file) => file.endsWith('.ts'))
    .map((file) => {
      const text = readFileSync(join(ROOT, file), 'utf8');
      const found = [...text.matchAll(/^(?:import|export)\b[^;]*? from '(\.[^']*)';|^import '(\.[^']*)';/gms)];
      return [
        file.replace(/\.ts$/, ''),
        found.map(([, from, bare]) => normalize(join(dirname(file), from ?? bare ?? ''))),
      ] as const;
    }),
);

const isTest = (file: string) => /\.(test|dapr|compose|kubernetes)$/.test(file) || file.includes('/testing/');
const program = [...imports].filter(([file]) => !isTest(file));
const importsOf = (folder: string, files = program) =>
  files.filter(([file]) => file.startsWith(`${folder}/`)).flatMap(([file, targets]) => targets.map((to) => [file, to]));
const top = (file = '') => file.split('/')[0] ?? '';

test('When the files are read, then all of them are found', () => {
  expect(imports.size).toBeGreaterThan(150);
  expect([...imports.values()].flat().filter((target) => !imports.has(target))).toEqual([]);
});

test('When a file of local/ imports a file, tests included, then that is in local/, too', () => {
  expect(importsOf('local', [...imports]).filter(([, to]) => top(to) !== 'local')).toEqual([]);
});

test('When a program imports a file of another folder, then that is in common/', () => {
  const programs = [...new Set(program.map(([file]) => top(file)))].filter(
    (folder) => !['local', 'common', 'scenarios', 'benchmarks'].includes(folder),
  );
  expect(programs).toContain('api-facade');
  for (const folder of [...programs, 'common']) {
    expect(importsOf(folder).filter(([, to]) => ![folder, 'common'].includes(top(to)))).toEqual([]);
  }
});

test.each<[string, string[]]>([
  ['common/http', ['common/http', 'common/logger', 'common/config']],
  ['common/dapr', ['common/dapr', 'common/http', 'common/logger', 'common/config']],
  ['common/once', ['common/once', 'common/dapr', 'common/logger', 'common/config']],
])('When a file of %s imports a file, then that is in one of %j', (folder, allowed) => {
  const others = importsOf(folder).filter(
    ([, to]) => !allowed.some((part) => to === part || to?.startsWith(`${part}/`)),
  );
  expect(others).toEqual([]);
});

test('When the imports are followed, then they lead to no circle', () => {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) throw new Error(`circle: ${[...path, file].join(' -> ')}`);
    if (done.has(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  expect(done.size).toBe(imports.size);
});

test('When a file is opened, then it has at most 250 lines, and a main.ts at most 40', () => {
  const long = [...imports.keys()]
    .map((file) => ({
      file,
      lines: readFileSync(join(ROOT, `${file}.ts`), 'utf8')
        .trimEnd()
        .split('\n').length,
    }))
    .filter(({ file, lines }) => lines > (file.endsWith('/main') ? 40 : 250));
  expect(long).toEqual([]);
});
