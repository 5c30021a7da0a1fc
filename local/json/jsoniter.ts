import { isJsonObject, JsonNumber, type JsonValue } from './parse';

/** Above this number, the library writes all digits of a float. */
const LOSSY_UP_TO = 0x4ffffff;
const SIX_DIGITS = 1_000_000;

/**
 * Returns JSON as daprd's Redis store writes it, with the library jsoniter in its fastest configuration: floats have at
 * most six digits after the point, and `<`, `>` and `&` stay as they are. The keys are sorted; daprd has no fixed order.
 */
export function stringifyLikeJsoniter(value: JsonValue): string {
  if (typeof value === 'string') return string(value);
  if (value instanceof JsonNumber) return float(Number(value.text));
  if (Array.isArray(value)) return `[${value.map(stringifyLikeJsoniter).join(',')}]`;
  if (!isJsonObject(value)) return String(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${string(key)}:${stringifyLikeJsoniter(value[key] ?? null)}`);
  return `{${members.join(',')}}`;
}

/** The library has no short escapes for these two characters. */
const string = (text: string): string =>
  JSON.stringify(text).replace(/\\[\\bf]/g, (short) =>
    short === '\\b' ? '\\u0008' : short === '\\f' ? '\\u000c' : short,
  );

function float(number: number): string {
  if (number < 0) return `-${float(-number)}`;
  if (number > LOSSY_UP_TO) return String(number);
  const millionths = Math.floor(number * SIX_DIGITS + 0.5);
  const fraction = String(millionths % SIX_DIGITS).padStart(6, '0');
  return `${Math.floor(millionths / SIX_DIGITS)}.${fraction}`.replace(/\.?0+$/, '');
}
