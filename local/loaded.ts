/** Returns a function that loads a value at its first call. */
export function loaded<T extends object>(load: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= load();
    return value;
  };
}
