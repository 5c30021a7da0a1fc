import type { RetrySpec } from '../resources/resiliency';

/** A failure that is not retried. */
export class PermanentError extends Error {}

/**
 * Resolves with the result of the first attempt that succeeds.
 *
 * @param isFinal returns whether an error must not be retried
 * @throws the error of the last attempt, or the reason of `signal` when it is aborted during a wait
 */
export async function retry<T>(
  spec: RetrySpec,
  call: () => Promise<T>,
  isFinal: (error: unknown) => boolean,
  signal?: AbortSignal,
): Promise<T> {
  const startedAt = Date.now();
  let intervalMs = spec.initialIntervalMs;
  for (let retries = 0; ; retries += 1) {
    try {
      return await call();
    } catch (error) {
      if (isFinal(error)) throw error;
      if (spec.maxRetries >= 0 && retries >= spec.maxRetries) throw error;
      const waitMs = spec.policy === 'constant' ? spec.durationMs : randomised(intervalMs, spec.randomizationFactor);
      if (spec.policy === 'exponential') {
        const elapsedMs = Date.now() - startedAt;
        if (spec.maxElapsedTimeMs > 0 && elapsedMs + waitMs > spec.maxElapsedTimeMs) throw error;
        intervalMs = Math.min(intervalMs * spec.multiplier, spec.maxIntervalMs);
      }
      await wait(waitMs, signal);
    }
  }
}

const randomised = (intervalMs: number, factor: number) => intervalMs * (1 - factor + 2 * factor * Math.random());

function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
  });
}
