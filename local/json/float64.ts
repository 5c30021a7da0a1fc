import { isJsonObject, JsonNumber, type JsonValue } from './parse';

/**
 * Returns the value with each number as Go writes a float64: 1e3 becomes 1000, and -0 stays -0.
 *
 * @param onTooLarge called with the spelling of a number that is too large for a float64
 */
export function withFloat64(value: JsonValue, onTooLarge?: (text: string) => void): JsonValue {
  if (value instanceof JsonNumber) {
    const number = Number(value.text);
    if (!Number.isFinite(number)) onTooLarge?.(value.text);
    return new JsonNumber(Object.is(number, -0) ? '-0' : String(number));
  }
  if (Array.isArray(value)) return value.map((item) => withFloat64(item, onTooLarge));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withFloat64(member, onTooLarge)]));
}
