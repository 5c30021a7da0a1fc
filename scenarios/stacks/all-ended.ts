import { expect, vi } from 'vitest';
import { runs } from './processes';

/** Resolves when all these processes have ended. Fails the test after 30 s. */
export const allEnded = (pids: readonly number[]): Promise<void> =>
  vi.waitFor(() => expect(pids.filter(runs)).toEqual([]), { timeout: 30_000 });
