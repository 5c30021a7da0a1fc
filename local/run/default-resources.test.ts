import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { appFromFlags } from './app-spec';
import { parseFlags } from './flags';
import { loadRunFile } from './run-file';

let base: string;
const { DAPR_RUNTIME_PATH: before } = process.env;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'resources-'));
  process.env.DAPR_RUNTIME_PATH = join(base, 'home');
});
afterEach(() => {
  rmSync(base, { recursive: true });
  if (before === undefined) delete process.env.DAPR_RUNTIME_PATH;
  else process.env.DAPR_RUNTIME_PATH = before;
});

const folder = (...path: string[]) => {
  mkdirSync(join(base, ...path), { recursive: true });
  return join(base, ...path);
};
const file = (...path: string[]) => {
  folder(...path.slice(0, -1));
  writeFileSync(join(base, ...path), '');
  return join(base, ...path);
};
const single = (...args: string[]) => {
  const { resourcesPaths, configFile } = appFromFlags(parseFlags(['--app-id', 'x', ...args])).sidecar;
  return { resourcesPaths, configFile };
};
const fromFile = (common: object = {}, app: object = {}) => {
  folder('app');
  const text = JSON.stringify({ version: 1, common, apps: [{ appID: 'x', appDirPath: './app', ...app }] });
  writeFileSync(join(base, 'dapr.yaml'), text);
  const { resourcesPaths, configFile } = loadRunFile(join(base, 'dapr.yaml')).apps[0]?.sidecar ?? {};
  return { resourcesPaths, configFile };
};

test('When nothing is installed and nothing is named, then no resources are loaded', () => {
  expect(single()).toEqual({ resourcesPaths: [], configFile: undefined });
  expect(fromFile()).toEqual({ resourcesPaths: [], configFile: undefined });
});

test('When `dapr init` has created resources, then they are the default', () => {
  const installed = {
    resourcesPaths: [folder('home', '.dapr', 'components')],
    configFile: file('home', '.dapr', 'config.yaml'),
  };
  expect(single()).toEqual(installed);
  expect(fromFile()).toEqual(installed);
  expect(single('--resources-path', 'a', '--config', 'b')).toEqual({ resourcesPaths: ['a'], configFile: 'b' });
});

test('When the folder of an app has resources, then they come after the named ones of the app and before the common ones', () => {
  folder('home', '.dapr', 'components');
  const beside = {
    resourcesPaths: [folder('app', '.dapr', 'resources')],
    configFile: file('app', '.dapr', 'config.yaml'),
  };
  const common = { resourcesPath: folder('common'), configFilePath: file('common.yaml') };
  const own = { resourcesPath: folder('own'), configFilePath: file('own.yaml') };
  expect(fromFile(common)).toEqual(beside);
  expect(fromFile(common, own)).toEqual({ resourcesPaths: [own.resourcesPath], configFile: own.configFilePath });
  rmSync(join(base, 'app', '.dapr'), { recursive: true });
  expect(fromFile(common)).toEqual({ resourcesPaths: [common.resourcesPath], configFile: common.configFilePath });
});
