import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { CLOCK_SKEW_MS, LEASE_SECONDS, MARK_LATE_MS, RENEW_INTERVAL_MS } from '../common/once/lease';
import { ROOT } from './stacks/root';

// The lease of a claim, the retries of a delivery and the broker's processingTimeout are in three files. Each must be
// shorter than the next, with a margin.

interface Resiliency {
  spec: {
    policies: {
      timeouts: Record<string, string>;
      retries: Record<string, { policy: string; maxInterval: string; maxRetries: number }>;
    };
    targets: { components: Record<string, { inbound: { timeout: string; retry: string } }> };
  };
}
interface Component {
  spec: { metadata: { name: string; value?: string }[] };
}

const load = <T>(file: string): T => parse(readFileSync(join(ROOT, 'components', file), 'utf8'));

const { policies, targets } = load<Resiliency>('common/resiliency.yaml').spec;
const { timeout, retry } = targets.components.pubsub?.inbound ?? { timeout: '', retry: '' };
const seconds = (text = '') => Number(/^(\d+)s$/.exec(text)?.[1]);
const attemptMs = seconds(policies.timeouts[timeout]) * 1_000;
const policy = policies.retries[retry];
const processingTimeoutMs = Number(
  load<Component>('redis/pubsub.yaml').spec.metadata.find(({ name }) => name === 'processingTimeout')?.value,
);

// Dapr's exponential policy: the first wait is 500 ms, each is 1.5 times the one before, and Dapr varies each by a half.
const waits = Array.from({ length: policy?.maxRetries ?? 0 }, (_, i) =>
  Math.min(500 * 1.5 ** i, seconds(policy?.maxInterval) * 1_000),
);
const sum = waits.reduce((total, wait) => total + wait, 0);
const shortestRetriesMs = sum / 2;
const longestDeliveryMs = sum * 1.5 + (waits.length + 1) * attemptMs;

test('When the files are read, then every duration is known', () => {
  expect(policy?.policy).toBe('exponential');
  for (const duration of [attemptMs, shortestRetriesMs, longestDeliveryMs, processingTimeoutMs]) {
    expect(duration).toBeGreaterThan(0);
  }
});

test('When a service is killed, then its claim expires before the retries of its event end, with 2 s to spare', () => {
  expect(LEASE_SECONDS * 1_000 + CLOCK_SKEW_MS + 2_000).toBeLessThanOrEqual(shortestRetriesMs);
});

test('When a renewal is late by one interval, then the lease has not expired', () => {
  expect(2 * RENEW_INTERVAL_MS + 2_000).toBeLessThanOrEqual(LEASE_SECONDS * 1_000);
});

test('When a delivery waits for its mark, then it is answered before Dapr stops waiting, with 0.5 s to spare', () => {
  expect(MARK_LATE_MS + 500).toBeLessThanOrEqual(attemptMs);
});

test('When a delivery takes as long as it can, then Redis does not hand it to another replica, with 10 s to spare', () => {
  expect(longestDeliveryMs + 10_000).toBeLessThanOrEqual(processingTimeoutMs);
});
