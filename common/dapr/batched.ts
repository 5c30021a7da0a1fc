/** Handles several items in one call. Resolves with one result per item, in order; an Error stands for an item that failed. */
type Run<Item, Result> = (items: readonly Item[]) => Promise<readonly (Result | Error)[]>;

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (reason: unknown) => void;
}

/**
 * Returns a function that takes one item and resolves with its result. While a call of `run` is under way, items
 * gather; the next call takes them all. A single item does not wait for others.
 *
 * @param run when it rejects, every item of the call fails with that error
 * @param maxItems the largest number of items in one call
 */
export function batched<Item, Result>(run: Run<Item, Result>, maxItems: number): (item: Item) => Promise<Result> {
  const waiting: Waiting<Item, Result>[] = [];
  let running = false;

  async function work(): Promise<void> {
    // Items that arrive in the same turn of the event loop join the first call.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const batch = waiting.splice(0, maxItems);
      try {
        const results = await run(batch.map(({ item }) => item));
        for (const [index, { resolve, reject }] of batch.entries()) {
          const result = results[index];
          if (result instanceof Error) reject(result);
          else resolve(result as Result);
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (running) return;
      running = true;
      void work();
    });
}
