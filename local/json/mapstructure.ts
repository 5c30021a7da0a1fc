import { printLikeGo } from './go-print';
import { goKind, isJsonObject, type JsonObject, type JsonValue } from './parse';
import { type GoType, JsonTypeError, type Struct } from './structs';

/**
 * Returns `value` as the library mapstructure decodes it into a struct; daprd uses it for the operations of a
 * transaction. The case of names is ignored, and null counts as missing.
 *
 * @throws {JsonTypeError} with the library's message, which names every field of a wrong type
 */
export function mapStructure(type: Struct, value: JsonValue): JsonObject {
  if (value === null) return {};
  if (!isJsonObject(value)) throw new JsonTypeError(notMap('', value));
  const errors: string[] = [];
  const object = readFields(type, value, '', errors);
  if (errors.length === 0) return object;
  const list = errors.map((error) => `* ${error}`).sort();
  throw new JsonTypeError(`${errors.length} error(s) decoding:\n\n${list.join('\n')}`);
}

function readFields(type: Struct, value: JsonObject, path: string, errors: string[]): JsonObject {
  const object: JsonObject = {};
  for (const [given, member] of Object.entries(value)) {
    const name = Object.keys(type.fields).find((name) => name.toLowerCase() === given.toLowerCase());
    if (name === undefined || member === null) continue;
    object[name] = read(type.fields[name] ?? 'any', member, path === '' ? name : `${path}.${name}`, errors);
  }
  return object;
}

function read(type: GoType, value: JsonValue, path: string, errors: string[]): JsonValue {
  if (type === 'string') {
    if (value !== null && typeof value !== 'string') errors.push(notString(path, value));
    return value ?? '';
  }
  if (typeof type === 'object' && 'struct' in type) {
    if (isJsonObject(value)) return readFields(type, value, path, errors);
    errors.push(notMap(path, value));
  } else if (type === 'map[string]string') {
    if (isJsonObject(value)) {
      const members = Object.entries(value).map(([key, item]) => [
        key,
        read('string', item, `${path}[${key}]`, errors),
      ]);
      return Object.fromEntries(members);
    }
    errors.push(notMap(path, value));
  }
  return value;
}

const KINDS: Readonly<Record<string, string>> = { number: 'float64', array: 'slice' };
const TYPES: Readonly<Record<string, string>> = {
  number: 'float64',
  array: '[]interface {}',
  object: 'map[string]interface {}',
};

function notMap(path: string, value: JsonValue): string {
  const kind = goKind(value);
  return `'${path}' expected a map, got '${KINDS[kind] ?? kind}'`;
}

function notString(path: string, value: JsonValue): string {
  const kind = goKind(value);
  return `'${path}' expected type 'string', got unconvertible type '${TYPES[kind] ?? kind}', value: '${printLikeGo(value)}'`;
}
