import { readFileSync } from 'node:fs';
import { isJsonObject, JsonNumber, type JsonObject, type JsonValue, parseWholeJson } from '../json/parse';
import { lookup } from '../pubsub/envelope';
import type { Component } from '../resources/component';
import { ResourceError } from '../resources/document';
import type { Secret, SecretStore } from './secret-store';

/**
 * Returns the secrets of a JSON file. https://docs.dapr.io/reference/components-reference/supported-secret-stores/file-secret-store/
 *
 * @throws {ResourceError} when the file is missing or not a JSON object
 */
export function openSecretsFile({ file, name, metadata }: Component): SecretStore {
  const path = lookup(metadata, 'secretsFile') ?? '';
  const fail = (problem: string, allowed: string): never => {
    throw new ResourceError(
      `${file}: component ${name}: metadata secretsFile is ${JSON.stringify(path)}${problem}; allowed: ${allowed}`,
    );
  };
  if (path === '') fail('', 'the path of a JSON file, from the working directory');
  const content = read(path, fail);
  const separator = lookup(metadata, 'nestedSeparator') || ':';
  const isMultiValued = /^(y|yes|true|t|on|1)$/i.test(lookup(metadata, 'multiValued') ?? '');
  const secrets = isMultiValued ? severalValues(content, separator) : oneValue(content, separator);
  return {
    block: 'secretstores',
    capabilities: isMultiValued ? ['MULTIPLE_KEY_VALUES_PER_SECRET'] : [],
    get: (secret) => {
      const value = secrets.get(secret);
      if (!value) throw new Error(`secret ${secret} not found`);
      return value;
    },
    all: () => Object.fromEntries(secrets),
  };
}

function read(path: string, fail: (problem: string, allowed: string) => never): JsonObject {
  let content: JsonValue;
  try {
    content = parseWholeJson(readFileSync(path, 'utf8'));
  } catch (error) {
    return fail(` (${(error as Error).message})`, 'the path of a JSON file, from the working directory');
  }
  return isJsonObject(content) ? content : fail('', 'a file with a JSON object');
}

/** Returns each text, at any depth, as a secret. Its name is its path. */
function oneValue(content: JsonObject, separator: string): Map<string, Secret> {
  return new Map(leaves(content, separator).map(([path, value]) => [path, { [path]: value }]));
}

/** Returns each member of the file as a secret. Texts have one value, and objects have one value for each path. */
function severalValues(content: JsonObject, separator: string): Map<string, Secret> {
  const secrets = new Map<string, Secret>();
  for (const [name, value] of Object.entries(content)) {
    if (typeof value === 'string') secrets.set(name, { [name]: value });
    else if (isJsonObject(value)) secrets.set(name, Object.fromEntries(leaves(value, separator)));
  }
  return secrets;
}

function leaves(value: JsonObject | JsonValue[], separator: string): [path: string, value: string][] {
  return Object.entries(value).flatMap(([key, item]): [string, string][] => {
    if (!Array.isArray(item) && !isJsonObject(item)) return [[key, goText(item)]];
    return leaves(item, separator).map(([path, leaf]) => [`${key}${separator}${path}`, leaf]);
  });
}

/** Returns a value as daprd shows it, which formats every value as a text. */
function goText(value: JsonValue): string {
  if (typeof value === 'string') return value;
  if (value === null) return '%!s(<nil>)';
  if (value instanceof JsonNumber) return `%!s(float64=${goFloat(Number(value.text))})`;
  return `%!s(bool=${String(value)})`;
}

/** Returns a number as Go writes it: with an exponent below 0.0001 and from 1000000 on. */
function goFloat(value: number): string {
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}
