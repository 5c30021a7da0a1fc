import { isJsonObject, JsonNumber, type JsonValue } from './parse';

/** Go writes a float with an exponent outside of this range. */
const EXPONENTS = { from: -4, to: 5 };

/** Returns a value as Go prints it with `%v`. */
export function printLikeGo(value: JsonValue): string {
  if (value === null) return '<nil>';
  if (value instanceof JsonNumber) return float(Number(value.text));
  if (Array.isArray(value)) return `[${value.map(printLikeGo).join(' ')}]`;
  if (!isJsonObject(value)) return String(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${key}:${printLikeGo(value[key] ?? null)}`);
  return `map[${members.join(' ')}]`;
}

/** Returns a number as `%v` prints a float64: 1234567 is 1.234567e+06. */
function float(number: number): string {
  if (Object.is(number, -0)) return '-0';
  const [digits = '', exponent = '0'] = number.toExponential().split('e');
  const power = Number(exponent);
  const isPlain = power >= EXPONENTS.from && power <= EXPONENTS.to;
  if (isPlain) return String(number);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}
