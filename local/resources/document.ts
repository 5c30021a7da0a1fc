/** A resource that cannot be used. The message names the file, the field, what it holds and what is allowed. */
export class ResourceError extends Error {}

/**
 * A place in a resource file that is being read: it knows its file and its path, so that every error can name both.
 * Readers take only what they ask for; `unknownKeys` tells what nobody asked for.
 */
export class Field {
  private readonly asked = new Set<string>();

  constructor(
    readonly file: string,
    readonly path: string,
    readonly value: unknown,
  ) {}

  get present(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /** The field `key` below this one, in any spelling of upper and lower case, as Go reads JSON; absent when this one is. */
  get(key: string): Field {
    const object = this.present ? this.object() : {};
    const spelling = Object.hasOwn(object, key) ? key : (Object.keys(object).find((k) => sameName(k, key)) ?? key);
    this.asked.add(spelling);
    return new Field(this.file, this.path ? `${this.path}.${spelling}` : spelling, object[spelling]);
  }

  string(): string;
  string(fallback: string): string;
  string(fallback?: string): string {
    if (!this.present && fallback !== undefined) return fallback;
    return typeof this.value === 'string' ? this.value : this.fail('a string');
  }

  nonEmpty(): string {
    const text = this.string();
    return text === '' ? this.fail('a text that is not empty') : text;
  }

  /** A scalar as text, as Dapr takes metadata values: `5`, `true` and `"5"` are alike. */
  scalar(): string {
    const { value } = this;
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : this.fail('a string, a number or a boolean');
  }

  integer(fallback: number): number {
    if (!this.present) return fallback;
    const number = typeof this.value === 'string' ? Number(this.value) : this.value;
    return Number.isSafeInteger(number) ? Number(number) : this.fail('a whole number');
  }

  number(fallback: number): number {
    if (!this.present) return fallback;
    const number = typeof this.value === 'string' ? Number(this.value) : this.value;
    return Number.isFinite(number) ? Number(number) : this.fail('a number');
  }

  boolean(fallback: boolean): boolean {
    if (!this.present) return fallback;
    return typeof this.value === 'boolean' ? this.value : this.fail('true or false');
  }

  /** The items of a list; none when absent. */
  list(): Field[] {
    if (!this.present) return [];
    if (!Array.isArray(this.value)) return this.fail('a list');
    return this.value.map((item, i) => new Field(this.file, `${this.path}[${i}]`, item));
  }

  strings(): string[] {
    return this.list().map((item) => item.string());
  }

  /** The fields of a map with keys of any name; none when absent. */
  entries(): [key: string, field: Field][] {
    return this.present ? Object.keys(this.object()).map((key) => [key, this.get(key)]) : [];
  }

  /** Keys that no reader asked for, with their path. */
  unknownKeys(): string[] {
    if (typeof this.value !== 'object' || this.value === null) return [];
    const prefix = this.path ? `${this.path}.` : '';
    return Object.keys(this.value).flatMap((key) => (this.asked.has(key) ? [] : [`${prefix}${key}`]));
  }

  fail(allowed: string): never {
    const is = this.present ? `is ${JSON.stringify(this.value)}` : 'is missing';
    throw new ResourceError(`${this.file}: ${this.path || 'the document'} ${is}; allowed: ${allowed}`);
  }

  private object(): Record<string, unknown> {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) return this.fail('a map');
    return this.value as Record<string, unknown>;
  }
}

const sameName = (a: string, b: string) => a.length === b.length && a.toLowerCase() === b.toLowerCase();
