import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { silent } from '../log';
import { Field } from '../resources/document';
import { readResiliency } from '../resources/resiliency';
import { Policies, StatusError } from './policy';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const inbound = (policies: object, targets: object | undefined, warn = vi.fn()) => {
  const spec = { policies, targets: targets && { components: { pubsub: { inbound: targets } } } };
  const resiliency = readResiliency(new Field('r.yaml', '', { spec }));
  return new Policies([resiliency], { ...silent, warn }).component('pubsub', 'Pubsub', 'Inbound');
};

/** Runs a policy on a call that fails `calls - 1` times. Resolves with the times of the calls in milliseconds. */
async function attempts(policy: ReturnType<typeof inbound>, error: Error = new Error('no'), calls = 100) {
  const startedAt = Date.now();
  const at: number[] = [];
  const running = policy(async () => {
    at.push(Date.now() - startedAt);
    if (at.length < calls) throw error;
  }).catch((reason) => reason);
  await vi.runAllTimersAsync();
  return { at, result: await running };
}

describe('retry', () => {
  test('When maxRetries is 3, then there are four attempts at the interval of duration, and the last error is thrown', async () => {
    const policy = inbound(
      { retries: { p: { policy: 'constant', duration: '200ms', maxRetries: 3 } } },
      { retry: 'p' },
    );
    const { at, result } = await attempts(policy);
    expect(at).toEqual([0, 200, 400, 600]);
    expect(result).toEqual(new Error('no'));
  });

  test('When maxRetries is -1, then retries continue until one succeeds', async () => {
    const policy = inbound({ retries: { p: { policy: 'constant', duration: '1s', maxRetries: -1 } } }, { retry: 'p' });
    expect((await attempts(policy, undefined, 50)).at).toHaveLength(50);
  });

  test('When a policy has no duration, then it waits 5 s', async () => {
    const { at } = await attempts(inbound({ retries: { p: { policy: 'constant', maxRetries: 1 } } }, { retry: 'p' }));
    expect(at).toEqual([0, 5_000]);
  });

  test('When the policy is exponential, then each wait is 1.5 times as long as the previous one, up to maxInterval', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const policy = inbound(
      { retries: { p: { policy: 'exponential', maxInterval: '1s', maxRetries: 4 } } },
      { retry: 'p' },
    );
    const { at } = await attempts(policy);
    expect(at.map(Math.round)).toEqual([0, 500, 1_250, 2_250, 3_250]);
  });

  test('When an exponential policy has no maxRetries, then it still ends after 15 minutes', async () => {
    const policy = inbound({ retries: { p: { policy: 'exponential', maxRetries: -1 } } }, { retry: 'p' });
    const { at } = await attempts(policy, undefined, 10_000);
    expect(at.at(-1)).toBeLessThanOrEqual(15 * 60_000);
    expect(at.at(-1)).toBeGreaterThan(12 * 60_000);
  });

  test('When matching names statuses, then other statuses are not retried, but broken connections are', async () => {
    const retries = {
      p: { policy: 'constant', duration: '1s', maxRetries: 2, matching: { httpStatusCodes: '429,500-503' } },
    };
    const policy = () => inbound({ retries }, { retry: 'p' });
    expect((await attempts(policy(), new StatusError(404, ''))).at).toHaveLength(1);
    expect((await attempts(policy(), new StatusError(504, ''))).at).toHaveLength(1);
    expect((await attempts(policy(), new StatusError(429, ''))).at).toHaveLength(3);
    expect((await attempts(policy(), new StatusError(502, ''))).at).toHaveLength(3);
    expect((await attempts(policy(), new Error('reset'))).at).toHaveLength(3);
  });

  test('When the signal is aborted during a wait, then no attempt follows', async () => {
    const policy = inbound({ retries: { p: { policy: 'constant', duration: '10s' } } }, { retry: 'p' });
    const controller = new AbortController();
    const call = vi.fn().mockRejectedValue(new Error('no'));
    const running = policy(call, controller.signal).catch((error) => error);
    await vi.advanceTimersByTimeAsync(15_000);
    controller.abort();
    await vi.runAllTimersAsync();
    expect(await running).toMatchObject({ name: 'AbortError' });
    expect(call).toHaveBeenCalledTimes(2);
  });
});

describe('timeout', () => {
  test('When an attempt exceeds the timeout, then it is aborted and the next attempt starts', async () => {
    const retries = { p: { policy: 'constant', duration: '100ms', maxRetries: 1 } };
    const policy = inbound({ retries, timeouts: { t: '300ms' } }, { retry: 'p', timeout: 't' });
    const signals: AbortSignal[] = [];
    const running = policy((signal) => {
      signals.push(signal);
      return new Promise(() => {});
    }).catch((error) => error);
    await vi.advanceTimersByTimeAsync(700);
    expect(await running).toMatchObject({ message: 'no answer within 300 ms' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });
});

describe('circuit breaker', () => {
  const breaker = { maxRequests: 1, timeout: '1s', trip: 'consecutiveFailures > 1' };
  const fail = () => Promise.reject(new Error('no'));

  test('When the circuit is open, then no call is made until its timeout, and one success closes it', async () => {
    const policy = inbound({ circuitBreakers: { cb: breaker } }, { circuitBreaker: 'cb' });
    const call = vi.fn(fail);
    for (let i = 0; i < 4; i += 1) await policy(call).catch(() => {});
    expect(call).toHaveBeenCalledTimes(2);
    await expect(policy(call)).rejects.toThrow('circuit breaker is open');
    await vi.advanceTimersByTimeAsync(1_000);
    call.mockResolvedValue(undefined as never);
    await policy(call);
    await policy(call);
    expect(call).toHaveBeenCalledTimes(4);
  });

  test('When the first call after the timeout fails, then the circuit opens again', async () => {
    const policy = inbound({ circuitBreakers: { cb: breaker } }, { circuitBreaker: 'cb' });
    const call = vi.fn(fail);
    for (let i = 0; i < 2; i += 1) await policy(call).catch(() => {});
    await vi.advanceTimersByTimeAsync(1_000);
    for (let i = 0; i < 3; i += 1) await policy(call).catch(() => {});
    expect(call).toHaveBeenCalledTimes(3);
  });

  test('When the circuit opens during retries, then the retries stop at once', async () => {
    const retries = { p: { policy: 'constant', duration: '100ms', maxRetries: 10 } };
    const policy = inbound({ retries, circuitBreakers: { cb: breaker } }, { retry: 'p', circuitBreaker: 'cb' });
    expect((await attempts(policy)).at).toEqual([0, 100]);
  });

  test('When the interval has passed, then earlier failures do not count', async () => {
    const policy = inbound({ circuitBreakers: { cb: { ...breaker, interval: '10s' } } }, { circuitBreaker: 'cb' });
    const call = vi.fn(fail);
    await policy(call).catch(() => {});
    await vi.advanceTimersByTimeAsync(10_000);
    for (let i = 0; i < 2; i += 1) await policy(call).catch(() => {});
    expect(call).toHaveBeenCalledTimes(3);
  });
});

describe('choice of the policy', () => {
  const policies = {
    retries: {
      DefaultRetryPolicy: { duration: '1ms', maxRetries: 1 },
      DefaultPubsubComponentInboundRetryPolicy: { duration: '1ms', maxRetries: 2 },
    },
  };

  test('When a target is not listed, then the default policy with the most specific name applies', async () => {
    expect((await attempts(inbound(policies, undefined))).at).toHaveLength(3);
  });

  test('When a target is listed without a retry policy, then no default applies', async () => {
    expect((await attempts(inbound(policies, {}))).at).toHaveLength(1);
  });

  test('When a target names a missing policy, then a warning names it, and nothing is retried, as with daprd', async () => {
    const warn = vi.fn();
    expect((await attempts(inbound({}, { retry: 'typo' }, warn))).at).toHaveLength(1);
    expect(warn).toHaveBeenCalledWith('resiliency: no retry policy has the name typo');
  });
});
