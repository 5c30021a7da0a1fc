import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfiguration, NO_CONFIGURATION } from './configuration';
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
  test('When a folder has several YAML files and documents, then all of them are read, but no other files', () => {
    write('a.yaml', `${component('one')}---\n${component('two')}`);
    write('b.yml', component('three'));
    write('c.txt', 'not: [yaml');
    expect(load().components.map(({ name }) => name)).toEqual(['one', 'two', 'three']);
  });

  test('When the scopes of a resource do not name the app, then the resource is ignored', () => {
    write('a.yaml', `${component('mine', 'scopes: [email]')}\n---\n${component('theirs', 'scopes: [push]')}`);
    expect(load().components.map(({ name }) => name)).toEqual(['mine']);
  });

  test('When a string in quotes has lines with tabs, then it is read, and an empty document is none', () => {
    const metadata = `version: v1, metadata: [{name: routes, value: '{\n\t"a": 1\n}'}]`;
    write('a.yaml', `${component('c').replace('version: v1', metadata)}\n---\n# nothing\n`);
    expect(load().components[0]?.metadata.get('routes')).toBe('{ "a": 1 }');
    expect(warnings).toEqual([]);
  });

  test('When metadata values are scalars or environment variables, then they are read as strings', () => {
    write(
      'a.yaml',
      component('c').replace(
        'version: v1',
        'version: v1, metadata: [{name: a, value: 5}, {name: b, value: true}, {name: e, envRef: HOST}]',
      ),
    );
    expect(Object.fromEntries(load({ HOST: 'redis:6379' }).components[0]?.metadata ?? [])).toEqual({
      a: '5',
      b: 'true',
      e: 'redis:6379',
    });
  });

  test('When metadata has both value and envRef, then the value wins, as with daprd', () => {
    const metadata = '[{name: a, value: given, envRef: HOST}, {name: b, value: "", envRef: HOST}]';
    write('a.yaml', component('c').replace('version: v1', `version: v1, metadata: ${metadata}`));
    expect(Object.fromEntries(load({ HOST: 'redis:6379' }).components[0]?.metadata ?? [])).toEqual({
      a: 'given',
      b: '',
    });
  });

  test('When an alias has no anchor, then the error names the file', () => {
    write('a.yaml', 'spec: *nothing');
    expect(() => load()).toThrow(/a\.yaml: .*nothing/);
  });

  test('When a document is not a map, then the error names the file and the value', () => {
    write('a.yaml', 'just text');
    expect(() => load()).toThrow(/a\.yaml: the document is "just text"; allowed: a map/);
  });

  test('When a kind is unknown, then a warning names the file and the kind', () => {
    write('a.yaml', 'kind: WorkflowAccessPolicy\nmetadata: {name: x}');
    load();
    expect(warnings).toEqual([expect.stringMatching(/a\.yaml: kind "WorkflowAccessPolicy" is not supported/)]);
  });

  test('When a folder has a Kustomization, then it is ignored without a warning, as with daprd', () => {
    write('kustomization.yaml', 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []');
    expect(load()).toMatchObject({ components: [], resiliencies: [] });
    expect(warnings).toEqual([]);
  });

  test('When a Resiliency document is invalid, then a warning names file, field and value, and the other documents are loaded, as with daprd', () => {
    write('a.yaml', 'kind: Resiliency\nmetadata: {name: r}\nspec: {policies: {retries: {p: {policy: sometimes}}}}');
    write('b.yaml', component('c'));
    expect(load()).toMatchObject({ resiliencies: [{ name: 'r', apps: new Map() }], components: [{ name: 'c' }] });
    expect(warnings[0]).toMatch(
      /a\.yaml: spec\.policies\.retries\.p\.policy is "sometimes"; allowed: constant, exponential/,
    );
  });

  test.each([
    ['is not YAML', 'a: [', /a\.yaml: not YAML/],
    ['has no name', 'kind: Component\nspec: {}', /a\.yaml: metadata\.name is missing; allowed: a string/],
    [
      'refers to a secret',
      component('c').replace('version: v1', 'version: v1, metadata: [{name: p, secretKeyRef: {name: s}}]'),
      /auth\.secretStore is missing; allowed: the name of a component of type secretstores\./,
    ],
    [
      'refers to a variable of the app',
      component('c').replace('version: v1', 'version: v1, metadata: [{name: p, envRef: APP_KEY}]'),
      /envRef is "APP_KEY"/,
    ],
    ['has two components with the same name', `${component('c')}---\n${component('c')}`, /component c is also in/],
  ])('When a file %s, then the error names the problem', (_, text, message) => {
    write('a.yaml', text);
    expect(() => load()).toThrow(ResourceError);
    expect(() => load()).toThrow(message);
  });

  test('When a folder cannot be read, then the error names the folder', () => {
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
    expect(loadConfiguration(join(folder, 'c.yaml'), {}, log)).toEqual({
      ...NO_CONFIGURATION,
      samplingRate: rate,
      secretScopes: [],
    });
  });

  test('When the file has variables of the environment, then they are filled in, and an unset one is empty', () => {
    const features = `[{name: "a$\{NAME}-$\{NONE}$1$ b", enabled: true}]`;
    write('c.yaml', `kind: Configuration\nspec: {tracing: {samplingRate: "$RATE"}, features: ${features}}`);
    const configuration = loadConfiguration(join(folder, 'c.yaml'), { RATE: '0.5', NAME: 'x' }, log);
    expect([configuration.samplingRate, ...configuration.features.keys()]).toEqual([0.5, 'ax-$ b']);
  });

  test('When the configuration has no tracing section, then tracing is off', () => {
    write('c.yaml', 'kind: Configuration\nspec: {}');
    expect(loadConfiguration(join(folder, 'c.yaml'), {}, log)).toEqual({
      ...NO_CONFIGURATION,
      samplingRate: undefined,
      secretScopes: [],
    });
  });

  test('When the file is missing, of another kind or has an invalid rate, then the error names the problem', () => {
    expect(() => loadConfiguration(join(folder, 'none.yaml'), {}, log)).toThrow(/cannot read .*none\.yaml/);
    write('c.yaml', component('c'));
    expect(() => loadConfiguration(join(folder, 'c.yaml'), {}, log)).toThrow('no document of kind Configuration');
    write('c.yaml', 'kind: Configuration\nspec: {tracing: {samplingRate: "2"}}');
    expect(() => loadConfiguration(join(folder, 'c.yaml'), {}, log)).toThrow(
      'spec.tracing.samplingRate is "2"; allowed: a number from 0 to 1',
    );
  });
});
