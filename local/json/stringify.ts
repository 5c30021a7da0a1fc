import { JsonNumber, type JsonValue } from './parse';

// Go's encoding/json escapes these characters, so that its output is safe inside HTML and JavaScript.
const ESCAPED: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

const string = (text: string): string => {
  const json = JSON.stringify(text);
  return /[<>&\u2028\u2029]/.test(json) ? json.replace(/[<>&\u2028\u2029]/g, (char) => ESCAPED[char] ?? char) : json;
};

/** Returns JSON as Dapr writes it: no spaces, sorted keys, numbers with their spelling, no undefined members. */
export function stringifyJson(value: JsonValue): string {
  if (typeof value === 'string') return string(value);
  if (value === null || typeof value !== 'object') return String(value);
  if (value instanceof JsonNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(stringifyJson).join(',')}]`;
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member !== undefined) members.push(`${string(key)}:${stringifyJson(member)}`);
  }
  return `{${members.join(',')}}`;
}
