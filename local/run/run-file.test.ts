import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadRunFile } from './run-file';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-file-'));
  for (const name of ['common', 'own', 'a', 'a/own']) mkdirSync(join(folder, name));
});
afterEach(() => rmSync(folder, { recursive: true }));

const load = (text: string, resources?: string[]) => {
  writeFileSync(join(folder, 'dapr.yaml'), text);
  return loadRunFile(folder, resources);
};

test('When common and an app have the same setting, then the app wins, and paths are relative to their section', () => {
  const { apps } = load(`
version: 1
common: {resourcesPaths: [common], env: {A: common, B: 1}, appPort: 1}
apps:
  - {appDirPath: a, appPort: 8081, command: [node, x.js], env: {A: own}, resourcesPath: own}
  - {appDirPath: ., appID: second}
`);
  expect(apps).toMatchObject([
    {
      sidecar: { appId: 'a', appPort: 8081, resourcesPaths: [join(folder, 'a/own')] },
      command: ['node', 'x.js'],
      directory: join(folder, 'a'),
      env: { A: 'own', B: '1' },
    },
    {
      sidecar: { appId: 'second', resourcesPaths: [join(folder, 'common')] },
      command: [],
      env: { A: 'common', B: '1' },
    },
  ]);
});

test('When values look like numbers or booleans, then variables have the text of the file, and settings their value', () => {
  const env = '{A: 1.10, B: yes, C: 010, D: True, E: 1e3, F: 2001-01-01}';
  const { apps } = load(
    `version: 1\napps: [{appDirPath: a, appID: 1.10, appPort: 8081, enableAppHealthCheck: yes, env: ${env}}]`,
  );
  expect(apps).toMatchObject([
    {
      sidecar: { appId: '1.10', appPort: 8081, appHealth: {} },
      env: { A: '1.10', B: 'yes', C: '010', D: 'True', E: '1e3', F: '2001-01-01' },
    },
  ]);
});

test('When the command line has resource folders, then they replace the folders of the file', () => {
  const { apps } = load('version: 1\ncommon: {resourcesPaths: [common]}\napps: [{appDirPath: .}]', ['elsewhere']);
  expect(apps[0]?.sidecar.resourcesPaths).toEqual([resolve('elsewhere')]);
});

test.each([
  ['has no version', 'apps: [{appDirPath: .}]', 'version is missing; allowed: 1'],
  ['has no apps', 'version: 1', 'apps is missing; allowed: a list with at least one app'],
  ['has an app without a folder', 'version: 1\napps: [{appID: a}]', 'apps[0].appDirPath is missing; allowed: a string'],
  [
    'names a missing folder',
    'version: 1\napps: [{appDirPath: none}]',
    'apps[0].appDirPath is "none"; allowed: a path that exists',
  ],
  [
    'has an invalid port',
    'version: 1\napps: [{appDirPath: ., appPort: web}]',
    'apps[0].appPort is "web"; allowed: a whole number',
  ],
  [
    'has two apps with the same app id',
    'version: 1\napps: [{appDirPath: ., appID: a}, {appDirPath: ., appID: a}]',
    'two apps have the appID a',
  ],
  ['is not YAML', 'version: [', 'not YAML'],
])('When the file %s, then the error names the file and the field', (_, text, message) => {
  expect(() => load(text)).toThrow(join(folder, 'dapr.yaml'));
  expect(() => load(text)).toThrow(message);
});
