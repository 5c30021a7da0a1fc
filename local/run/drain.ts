import type { SharedMemory } from '../components';

/** How long a stop waits for deliveries of the in-memory broker: a delivery that waits for a retry gets this retry. */
export const DRAIN_MS = 10_000;
const REPORT_EVERY_MS = 2_000;

/**
 * Waits at most `maxMs` until all deliveries of the in-memory components are finished. While it waits, it prints the
 * number of unfinished deliveries and the remaining time. Resolves with the number of unfinished deliveries.
 */
export async function drain(
  memory: Pick<SharedMemory, 'unfinished' | 'drain'>,
  maxMs: number,
  print: (line: string) => void,
): Promise<number> {
  for (const deadline = Date.now() + maxMs; ; ) {
    const { unfinished } = memory;
    const leftMs = deadline - Date.now();
    if (unfinished === 0 || leftMs <= 0) return unfinished;
    print(
      `${deliveries(unfinished)} unfinished: waiting at most ${Math.ceil(leftMs / 1_000)} s more; another Ctrl-C ends everything at once`,
    );
    await memory.drain(Math.min(leftMs, REPORT_EVERY_MS));
  }
}

/** Returns the line that reports lost deliveries. Redis keeps its events, so only in-memory deliveries are lost. */
export const lossLine = (lost: number): string =>
  `${deliveries(lost)} lost: the in-memory broker ends with this process`;

const deliveries = (count: number): string => (count === 1 ? '1 delivery is' : `${count} deliveries are`);
