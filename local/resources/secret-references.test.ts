import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silent } from '../log';
import { loadResources } from './load';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  writeFileSync(join(folder, 'secrets.json'), '{"redis":{"password":"s3"},"token":"t"}');
});
afterEach(() => rmSync(folder, { recursive: true }));

const STORES = `kind: Component
metadata: {name: files}
spec: {type: secretstores.local.file, version: v1, metadata: [{name: secretsFile, value: "FOLDER/secrets.json"}, {name: multiValued, value: "true"}]}
---
kind: Component
metadata: {name: variables}
spec: {type: secretstores.local.env, version: v1}
---
`;

/** Loads a component with this reference. */
function load(store: string, reference: string) {
  const component = `kind: Component
metadata: {name: c}
spec: {type: state.in-memory, version: v1, metadata: [{name: p, secretKeyRef: ${reference}}]}
auth: {secretStore: ${store}}
`;
  writeFileSync(join(folder, 'a.yaml'), STORES.replace('FOLDER', folder) + component);
  return loadResources([folder], 'shop', { PASSWORD: 'env' }, silent).components.at(-1)?.metadata.get('p');
}

test('When a component refers to a secret, then its metadata has the value of the secret', () => {
  expect(load('files', '{name: redis, key: password}')).toBe('s3');
  expect(load('files', '{name: token}')).toBe('t');
  expect(load('files', '{name: token, key: token}')).toBe('t');
  expect(load('files', '{name: redis, key: other}')).toBe('');
  expect(load('variables', '{name: PASSWORD, key: PASSWORD}')).toBe('env');
});

test('When the secret or its store does not exist, then the error names the field', () => {
  expect(() => load('files', '{name: none}')).toThrow(
    'secretKeyRef.name is "none"; allowed: a secret of files (secret none not found)',
  );
  expect(() => load('other', '{name: token}')).toThrow('auth.secretStore is "other"; allowed: the name of a component');
  expect(() => load('c', '{name: token}')).toThrow('auth.secretStore is "c"; allowed');
});
