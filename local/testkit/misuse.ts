/** A test uses the test sidecar in a way that cannot work. The message names what is wrong and what is allowed. */
export class MisuseError extends Error {
  override readonly name = 'MisuseError';
}

/** Returns a value for an error message: its JSON, or its kind if it has none. */
export const show = (value: unknown): string =>
  typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value));

/** Checks that a value is a plain object with known keys only. @throws {MisuseError} */
export function checkKeys(what: string, value: unknown, allowed: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MisuseError(`${what} is ${show(value)}; allowed: an object with ${allowed.join(', ')}`);
  }
  const unknown = Object.keys(value).find((key) => !allowed.includes(key));
  if (unknown !== undefined) {
    throw new MisuseError(`${what} has the unknown field ${unknown}; allowed: ${allowed.join(', ')}`);
  }
}

/** Checks a number; undefined is allowed too. @throws {MisuseError} */
export function checkNumber(what: string, value: unknown, from: number, to: number): void {
  if (value === undefined || (typeof value === 'number' && value >= from && value <= to)) return;
  throw new MisuseError(`${what} is ${show(value)}; allowed: a number from ${from} to ${to}`);
}

/** Checks a name. @throws {MisuseError} */
export function checkName(what: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return;
  throw new MisuseError(`${what} is ${show(value)}; allowed: a string that is not empty`);
}
