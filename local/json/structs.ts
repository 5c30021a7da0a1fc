import { withFloat64 } from './float64';
import { goKind, isJsonObject, JsonNumber, type JsonObject, type JsonValue } from './parse';

/**
 * A Go type for a JSON value. Dapr decodes requests into Go structs. The case of names is ignored, null counts as
 * missing, and the error for a wrong type names the field of the struct.
 */
export type GoType = 'any' | 'string' | 'int' | 'map[string]string' | Struct | List;

export interface Struct {
  /** The name with its package: `state.SetRequest`. */
  struct: string;
  fields: Readonly<Record<string, GoType>>;
}

export interface List {
  listOf: GoType;
}

/** A JSON value of the wrong type, with Go's message. */
export class JsonTypeError extends Error {}

/**
 * Returns `value` as Go would decode it. Numbers of the type 'any' become float64. The members of structs have the names of their fields. Unknown members and
 * members with the value null are omitted.
 *
 * @throws {JsonTypeError} for the first value of a wrong type
 */
export function readAs(type: GoType, value: JsonValue): JsonValue {
  return read(type, value, '');
}

/** @param field the path of the value, such as `Struct.path.to.field`; empty outside of a struct */
function read(type: GoType, value: JsonValue, field: string): JsonValue {
  if (value === null) return value;
  const wrong = (found = goKind(value)) => {
    const where = field === '' ? 'value' : `struct field ${field}`;
    const expected = type === 'any' ? 'float64' : nameOf(type);
    return new JsonTypeError(`json: cannot unmarshal ${found} into Go ${where} of type ${expected}`);
  };
  if (type === 'any') {
    return withFloat64(value, (text) => {
      throw wrong(`number ${text}`);
    });
  }
  if (type === 'string') {
    if (typeof value !== 'string') throw wrong();
    return value;
  }
  if (type === 'int') {
    if (!(value instanceof JsonNumber)) throw wrong();
    if (!isInt(value.text)) throw wrong(`number ${value.text}`);
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

const isInt = (text: string) => /^-?\d+$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);

function nameOf(type: GoType): string {
  if (typeof type === 'string') return type;
  return 'listOf' in type ? `[]${nameOf(type.listOf)}` : type.struct;
}

const mapMembers = (object: JsonObject, convert: (value: JsonValue) => JsonValue): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, convert(value)]));
