/** An invalid resource. The message names the file, the field, its value and the allowed values. */
export class ResourceError extends Error {}

/**
 * A field of a resource file. It knows its file and its path, so that every error names both. It remembers which keys
 * were read, and `unknownKeys` returns the others.
 */
export class Field {
  private readonly readKeys = new Set<string>();

  constructor(
    readonly file: string,
    readonly path: string,
    readonly value: unknown,
    /** Whether a number or a boolean is a string, too. So it is in daprd's files; in the JSON of an app, it is not. */
    private readonly scalarsAreStrings = false,
  ) {}

  get present(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /**
   * Returns the field `key` of this map. It is not present if this field is not present. Like Go, it ignores the case
   * of letters if there is no exact match.
   */
  get(key: string): Field {
    const object = this.present ? this.object() : {};
    const spelling = Object.hasOwn(object, key) ? key : (Object.keys(object).find((k) => sameName(k, key)) ?? key);
    this.readKeys.add(spelling);
    return this.child(this.path ? `${this.path}.${spelling}` : spelling, object[spelling]);
  }

  string(): string;
  string(fallback: string): string;
  string(fallback?: string): string {
    if (!this.present && fallback !== undefined) return fallback;
    const { value } = this;
    if (this.scalarsAreStrings && (typeof value === 'number' || typeof value === 'boolean')) return String(value);
    return typeof value === 'string' ? value : this.fail('a string');
  }

  nonEmpty(): string {
    const text = this.string();
    return text === '' ? this.fail('a string that is not empty') : text;
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

  /** Returns the items of a list; an empty list if the field is not present. */
  list(): Field[] {
    if (!this.present) return [];
    if (!Array.isArray(this.value)) return this.fail('a list');
    return this.value.map((item, i) => this.child(`${this.path}[${i}]`, item));
  }

  strings(): string[] {
    return this.list().map((item) => item.string());
  }

  /** Returns the keys and fields of a map; an empty list if the field is not present. */
  entries(): [key: string, field: Field][] {
    return this.present ? Object.keys(this.object()).map((key) => [key, this.get(key)]) : [];
  }

  /** Returns the paths of the keys that were not read. */
  unknownKeys(): string[] {
    if (typeof this.value !== 'object' || this.value === null) return [];
    const prefix = this.path ? `${this.path}.` : '';
    return Object.keys(this.value).flatMap((key) => (this.readKeys.has(key) ? [] : [`${prefix}${key}`]));
  }

  /** @throws {ResourceError} always, with the value of the field and the allowed values */
  fail(allowed: string): never {
    const is = this.present ? `is ${JSON.stringify(this.value)}` : 'is missing';
    throw new ResourceError(`${this.file}: ${this.path || 'the document'} ${is}; allowed: ${allowed}`);
  }

  private child(path: string, value: unknown): Field {
    return new Field(this.file, path, value, this.scalarsAreStrings);
  }

  private object(): Record<string, unknown> {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) return this.fail('a map');
    return this.value as Record<string, unknown>;
  }
}

const sameName = (a: string, b: string) => a.length === b.length && a.toLowerCase() === b.toLowerCase();
