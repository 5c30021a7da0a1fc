import { goKind, isJsonObject, JsonNumber, type JsonObject, type JsonValue } from './parse';

/**
 * What a Go program expects in a JSON value. Dapr decodes requests into Go structs: names in any spelling of upper and
 * lower case, null for whatever may be left out, and an error that names the struct's field when a type is wrong.
 */
export type GoType = 'any' | 'string' | 'int' | 'map[string]string' | Struct | List;

export interface Struct {
  /** With its package: `state.SetRequest`. */
  struct: string;
  fields: Readonly<Record<string, GoType>>;
}

export interface List {
  listOf: GoType;
}

/** JSON of another type than was expected, in Go's words. */
export class JsonTypeError extends Error {}

/**
 * `value` with every struct's members under their own names; null and what is unknown is left out.
 *
 * @throws {JsonTypeError} for the first value of a wrong type
 */
export function readAs(type: GoType, value: JsonValue): JsonValue {
  return read(type, value, '');
}

/** `field` is where the value stands: `Struct.path.to.field`, or empty outside of any struct. */
function read(type: GoType, value: JsonValue, field: string): JsonValue {
  if (type === 'any' || value === null) return value;
  const wrong = (found = goKind(value)) => {
    const where = field === '' ? 'value' : `struct field ${field}`;
    return new JsonTypeError(`json: cannot unmarshal ${found} into Go ${where} of type ${nameOf(type)}`);
  };
  if (type === 'string') {
    if (typeof value !== 'string') throw wrong();
    return value;
  }
  if (type === 'int') {
    if (!(value instanceof JsonNumber)) throw wrong();
    if (!/^-?\d+$/.test(value.text)) throw wrong(`number ${value.text}`);
    return value;
  }
  if (type === 'map[string]string') {
    if (!isJsonObject(value)) throw wrong();
    return mapMembers(value, (member) => read('string', member, field) ?? '');
  }
  if ('listOf' in type) {
    if (!Array.isArray(value)) throw wrong();
    return value.map((item) => read(type.listOf, item, field));
  }
  if (!isJsonObject(value)) throw wrong();
  return readStruct(type, value, field);
}

function readStruct(type: Struct, value: JsonObject, field: string): JsonObject {
  const struct = nameOf(type).replace(/^.*\./, '');
  const path = field.slice(field.indexOf('.') + 1);
  const object: JsonObject = {};
  for (const [given, member] of Object.entries(value)) {
    const name = Object.keys(type.fields).find((name) => name.toLowerCase() === given.toLowerCase());
    if (name === undefined || member === null) continue;
    const at = path === '' ? name : `${path}.${name}`;
    object[name] = read(type.fields[name] ?? 'any', member, `${struct}.${at}`);
  }
  return object;
}

function nameOf(type: GoType): string {
  if (typeof type === 'string') return type;
  return 'listOf' in type ? `[]${nameOf(type.listOf)}` : type.struct;
}

const mapMembers = (object: JsonObject, convert: (value: JsonValue) => JsonValue): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, convert(value)]));
