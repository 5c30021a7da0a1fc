import { expect, vi } from 'vitest';
import { servicesThatNotified } from './log-queries';
import { type Stack, SUBSCRIBERS } from './stack';

/** Resolves when each subscriber has logged exactly one notification for the event. Fails the test after the timeout. */
export const waitUntilNotified = (stack: Stack, eventId: string, timeoutMs: number): Promise<void> =>
  vi.waitFor(() => expect(servicesThatNotified(stack, eventId)).toEqual([...SUBSCRIBERS]), { timeout: timeoutMs });
