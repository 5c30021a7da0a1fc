/**
 * A JSON parser that behaves like Dapr. Subscribers can see three differences from `JSON.parse`. Numbers keep their
 * spelling (1.50, 12345678901234567890). Text after the first value is ignored. The error messages are the messages of
 * Go's encoding/json, because Dapr returns them to its callers.
 */

/** A number with its original spelling. */
export class JsonNumber {
  constructor(readonly text: string) {}

  toJSON(): number {
    return Number(this.text);
  }
}

export type JsonObject = { [key: string]: JsonValue };
export type JsonValue = null | boolean | string | JsonNumber | JsonValue[] | JsonObject;

/** A syntax error in JSON, with Go's message. */
export class JsonSyntaxError extends Error {}

export const isJsonObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);

/** Returns a member by its name. Like Go, it ignores the case of letters if there is no exact match. */
export function member(object: JsonObject, name: string): JsonValue | undefined {
  const exact = object[name];
  if (exact !== undefined) return exact;
  const wanted = name.toLowerCase();
  for (const key of Object.keys(object)) if (key.toLowerCase() === wanted) return object[key];
  return undefined;
}

/** Returns Go's name for the kind of a JSON value. */
export function goKind(value: JsonValue): string {
  if (Array.isArray(value)) return 'array';
  if (isJsonObject(value)) return 'object';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : 'number';
}

// Go allows 10,000. This limit fits on the stack of a running server.
const MAX_DEPTH = 2_000;
const [QUOTE, BACKSLASH, SPACE_CODE] = [0x22, 0x5c, 0x20];
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\r\n]*/y;
const LITERALS = { t: ['true', true], f: ['false', false], n: ['null', null] } as const;

/** Returns a character as Go shows it in an error message. */
function quote(char: string): string {
  if (char === "'") return "'\\''";
  if (char === '"') return `'"'`;
  // Go reads bytes, and shows the first byte of a character as the character with this number.
  if (char > '\x7f') return `'${String.fromCharCode(Buffer.from(char)[0] ?? 0)}'`;
  const json = JSON.stringify(char).slice(1, -1);
  return `'${json.replace(/^\\u00/, '\\x').replace('\x7f', '\\x7f')}'`;
}

/** Returns the first JSON value in `text` and ignores the rest. @throws {JsonSyntaxError} when there is none */
export function parseJson(text: string): JsonValue {
  return new Parser(text).first();
}

/**
 * Returns the only JSON value in `text`.
 *
 * @throws {JsonSyntaxError} when there is no value, more than one value, or a number that does not fit into a float64
 */
export function parseWholeJson(text: string): JsonValue {
  const parser = new Parser(text, true);
  const value = parser.first();
  parser.end();
  return value;
}

class Parser {
  private at = 0;
  private depth = 0;

  constructor(
    private readonly text: string,
    private readonly asFloat64 = false,
  ) {}

  first(): JsonValue {
    this.skipSpace();
    if (this.at >= this.text.length) throw new JsonSyntaxError('EOF');
    return this.value();
  }

  end(): void {
    this.skipSpace();
    if (this.at < this.text.length) this.unexpected('after top-level value');
  }

  private value(): JsonValue {
    const char = this.text[this.at];
    if (char === '{') return this.object();
    if (char === '[') return this.array();
    if (char === '"') return this.string();
    if (char === 't' || char === 'f' || char === 'n') return this.literal(char);
    if (char === '-' || (char !== undefined && char >= '0' && char <= '9')) return this.number();
    return this.unexpected('looking for beginning of value');
  }

  private object(): JsonObject {
    const object: JsonObject = Object.create(null);
    this.enter();
    if (this.text[this.at] === '}') return this.leave(object);
    for (;;) {
      if (this.text[this.at] !== '"') this.unexpected('looking for beginning of object key string');
      const key = this.string();
      this.skipSpace();
      if (this.text[this.at] !== ':') this.unexpected('after object key');
      this.at += 1;
      this.skipSpace();
      object[key] = this.value();
      this.skipSpace();
      if (this.text[this.at] === '}') return this.leave(object);
      if (this.text[this.at] !== ',') this.unexpected('after object key:value pair');
      this.at += 1;
      this.skipSpace();
    }
  }

  private array(): JsonValue[] {
    const array: JsonValue[] = [];
    this.enter();
    if (this.text[this.at] === ']') return this.leave(array);
    for (;;) {
      array.push(this.value());
      this.skipSpace();
      if (this.text[this.at] === ']') return this.leave(array);
      if (this.text[this.at] !== ',') this.unexpected('after array element');
      this.at += 1;
      this.skipSpace();
    }
  }

  private string(): string {
    const start = this.at;
    let escaped = false;
    for (let i = start + 1; ; i += 1) {
      const code = this.text.charCodeAt(i);
      if (code === QUOTE) {
        this.at = i + 1;
        if (!escaped) return this.text.slice(start + 1, i);
        try {
          // Go replaces half of a surrogate pair by U+FFFD.
          return (JSON.parse(this.text.slice(start, i + 1)) as string).toWellFormed();
        } catch {
          break;
        }
      }
      if (code === BACKSLASH) {
        escaped = true;
        i += 1;
      } else if (!(code >= SPACE_CODE)) break; // a control character, or the end of the text
    }
    this.at = start;
    return this.badString();
  }

  /** Throws the error for the first invalid character of a string, or for a missing closing quote. */
  private badString(): never {
    for (this.at += 1; this.at < this.text.length; this.at += 1) {
      const char = this.text[this.at] ?? '';
      if (char < ' ') this.unexpected('in string literal');
      if (char !== '\\') continue;
      this.at += 1;
      const code = this.text[this.at] ?? '';
      if (code === 'u') {
        for (let i = 0; i < 4; i += 1) {
          this.at += 1;
          if (!/[0-9a-fA-F]/.test(this.text[this.at] ?? '')) this.unexpected('in \\u hexadecimal character escape');
        }
      } else if (code === '' || !'"\\/bfnrt'.includes(code)) this.unexpected('in string escape code');
    }
    throw new JsonSyntaxError('unexpected EOF');
  }

  private literal(first: keyof typeof LITERALS): boolean | null {
    const [word, value] = LITERALS[first];
    for (const expected of word) {
      if (this.text[this.at] !== expected) this.unexpected(`in literal ${word} (expecting ${quote(expected)})`);
      this.at += 1;
    }
    return value;
  }

  private number(): JsonNumber {
    const text = this.match(NUMBER);
    if (text === undefined) {
      this.at += 1;
      return this.unexpected('in numeric literal');
    }
    const next = this.text[this.at];
    if (next === '.') this.badNumber('after decimal point in numeric literal');
    if (next === 'e' || next === 'E') this.badNumber('in exponent of numeric literal');
    if (this.asFloat64 && !Number.isFinite(Number(text))) {
      throw new JsonSyntaxError(`json: cannot unmarshal number ${text} into Go value of type float64`);
    }
    return new JsonNumber(text);
  }

  private badNumber(context: string): never {
    this.at += 1;
    if (/[eE]/.test(this.text[this.at - 1] ?? '') && /[+-]/.test(this.text[this.at] ?? '')) this.at += 1;
    return this.unexpected(context);
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text)?.[0];
    if (match !== undefined) this.at += match.length;
    return match;
  }

  private enter(): void {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw new JsonSyntaxError('exceeded max depth');
    this.at += 1;
    this.skipSpace();
  }

  private leave<T>(value: T): T {
    this.depth -= 1;
    this.at += 1;
    return value;
  }

  private skipSpace(): void {
    const code = this.text.charCodeAt(this.at);
    if (code > 32) return;
    this.match(SPACE);
  }

  private unexpected(context: string): never {
    const code = this.text.codePointAt(this.at);
    if (code === undefined) throw new JsonSyntaxError('unexpected EOF');
    throw new JsonSyntaxError(`invalid character ${quote(String.fromCodePoint(code))} ${context}`);
  }
}
