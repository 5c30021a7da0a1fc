import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfiguration } from './configuration';
import { ResourceError } from './document';
import { loadResources } from './load';

let folder: string;
let warnings: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'resources-'));
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const log = { info: () => {}, warn: (line: string) => void warnings.push(line), error: () => {} };
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const load = (env = {}) => loadResources([folder], 'email', env, log);
const component = (name: string, more = '') =>
  `apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: ${name}}\nspec: {type: pubsub.in-memory, version: v1}\n${more}`;

describe('loadResources', () => {
  test('When a folder has several files and documents, then all are read but for other endings and sub-folders', () => {
    write('a.yaml', `${component('one')}---\n${component('two')}`);
    write('b.yml', component('three'));
    write('c.txt', 'not: [yaml');
    expect(load().components.map(({ name }) => name)).toEqual(['one', 'two', 'three']);
  });

  test('When a resource is for other apps, then it is left out', () => {
    write('a.yaml', `${component('mine', 'scopes: [email]')}\n---\n${component('theirs', 'scopes: [push]')}`);
    expect(load().components.map(({ name }) => name)).toEqual(['mine']);
  });

  test('When metadata are scalars or come from the environment, then they are read as text', () => {
    write(
      'a.yaml',
      component('c').replace(
        'version: v1',
        'version: v1, metadata: [{name: n, value: 5}, {name: b, value: true}, {name: e, envRef: HOST}]',
      ),
    );
    expect(Object.fromEntries(load({ HOST: 'redis:6379' }).components[0]?.metadata ?? [])).toEqual({
      n: '5',
      b: 'true',
      e: 'redis:6379',
    });
  });

  test('When an alias has no anchor, then the error names the file', () => {
    write('a.yaml', 'spec: *nothing');
    expect(() => load()).toThrow(/a\.yaml: .*nothing/);
  });

  test('When a document is no map, then the error says so', () => {
    write('a.yaml', 'just text');
    expect(() => load()).toThrow(/a\.yaml: the document is "just text"; allowed: a map/);
  });

  test('When a kind is not known, then a warning names the file and the kind', () => {
    write('a.yaml', 'kind: HTTPEndpoint\nmetadata: {name: x}');
    load();
    expect(warnings).toEqual([expect.stringMatching(/a\.yaml: kind "HTTPEndpoint" is not supported/)]);
  });

  test('When a Resiliency cannot be read, then a warning names file, field and value, and the rest is loaded, as with daprd', () => {
    write('a.yaml', 'kind: Resiliency\nmetadata: {name: r}\nspec: {policies: {retries: {p: {policy: sometimes}}}}');
    write('b.yaml', component('c'));
    expect(load()).toMatchObject({ resiliencies: [], components: [{ name: 'c' }] });
    expect(warnings[0]).toMatch(
      /a\.yaml: spec\.policies\.retries\.p\.policy is "sometimes"; allowed: constant, exponential/,
    );
  });

  test.each([
    ['is not YAML', 'a: [', /a\.yaml: not YAML/],
    ['has no name', 'kind: Component\nspec: {}', /a\.yaml: metadata\.name is missing; allowed: a string/],
    [
      'asks for a secret',
      component('c').replace('version: v1', 'version: v1, metadata: [{name: p, secretKeyRef: {name: s}}]'),
      /secretKeyRef .* no secret stores/,
    ],
    [
      'reads an app variable',
      component('c').replace('version: v1', 'version: v1, metadata: [{name: p, envRef: APP_KEY}]'),
      /envRef is "APP_KEY"/,
    ],
    ['has two of one name', `${component('c')}---\n${component('c')}`, /component c is also in/],
  ])('When a file %s, then the error says so', (_, text, message) => {
    write('a.yaml', text);
    expect(() => load()).toThrow(ResourceError);
    expect(() => load()).toThrow(message);
  });

  test('When a folder cannot be read, then the error names it', () => {
    expect(() => loadResources(['/no/such/folder'], 'email', {}, log)).toThrow(
      'cannot read the resources folder /no/such/folder',
    );
  });
});

describe('loadConfiguration', () => {
  test.each([
    ['"1"', 1],
    ['0.5', 0.5],
    ['"0"', 0],
  ])('When the sampling rate is %s, then it is %d', (text, rate) => {
    write('c.yaml', `kind: Configuration\nspec: {tracing: {samplingRate: ${text}}}`);
    expect(loadConfiguration(join(folder, 'c.yaml'), log)).toEqual({ samplingRate: rate });
  });

  test('When there is no tracing, then tracing is off', () => {
    write('c.yaml', 'kind: Configuration\nspec: {}');
    expect(loadConfiguration(join(folder, 'c.yaml'), log)).toEqual({ samplingRate: undefined });
  });

  test('When the file is missing, of another kind or has a wrong rate, then the error says so', () => {
    expect(() => loadConfiguration(join(folder, 'none.yaml'), log)).toThrow(/cannot read .*none\.yaml/);
    write('c.yaml', component('c'));
    expect(() => loadConfiguration(join(folder, 'c.yaml'), log)).toThrow('no document of kind Configuration');
    write('c.yaml', 'kind: Configuration\nspec: {tracing: {samplingRate: "2"}}');
    expect(() => loadConfiguration(join(folder, 'c.yaml'), log)).toThrow(
      'spec.tracing.samplingRate is "2"; allowed: a number from 0 to 1',
    );
  });
});
