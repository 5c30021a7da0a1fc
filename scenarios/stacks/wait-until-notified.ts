import { expect, vi } from 'vitest';
import { servicesThatNotified } from './log-queries';
import { type Stack, SUBSCRIBERS } from './stack';

/**
 * Resolves when each subscriber has logged exactly one notification for the event.
 *
 * @throws {Error} with every line about the event when that takes too long
 */
export const waitUntilNotified = (stack: Stack, eventId: string, timeoutMs: number): Promise<void> =>
  vi.waitFor(
    () => {
      const lines = [
        ...stack.log.filter((line) => line.eventId === eventId).map(({ service, msg }) => `${service}: ${msg}`),
        ...stack.output.filter((line) => line.includes(eventId)),
      ];
      expect(servicesThatNotified(stack, eventId), lines.join('\n')).toEqual([...SUBSCRIBERS]);
    },
    { timeout: timeoutMs },
  );
