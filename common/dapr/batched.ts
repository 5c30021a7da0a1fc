/** Does one thing for several items. What it answers is in the order of the items, with an error for each that failed. */
type Run<Item, Result> = (items: readonly Item[]) => Promise<readonly (Result | Error)[]>;

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (reason: unknown) => void;
}

/**
 * Makes one call of many. While a call is under way, what is asked for gathers, and goes out as one call after it: the
 * busier a service is, the more it asks for at a time. A lone one does not wait for others.
 *
 * @param run rejects when it failed as a whole: then each item has failed
 * @param most items in one call
 */
export function together<Item, Result>(run: Run<Item, Result>, most: number): (item: Item) => Promise<Result> {
  const waiting: Waiting<Item, Result>[] = [];
  let underWay = false;

  async function work(): Promise<void> {
    // What is asked for in this very moment goes with the first.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const batch = waiting.splice(0, most);
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
    underWay = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (underWay) return;
      underWay = true;
      void work();
    });
}
