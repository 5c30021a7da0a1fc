import { parseCel } from '../pubsub/cel';
import type { Field } from './document';
import { parseDurationMs } from './duration';

/** The waits between attempts and the number of attempts. https://docs.dapr.io/operations/resiliency/policies/retries/ */
export interface RetrySpec {
  policy: 'constant' | 'exponential';
  durationMs: number;
  initialIntervalMs: number;
  multiplier: number;
  randomizationFactor: number;
  maxIntervalMs: number;
  /** 0: no limit. */
  maxElapsedTimeMs: number;
  /** The maximum number of attempts after the first one. Negative: no limit. */
  maxRetries: number;
  /** The HTTP statuses that are retried. Undefined: all. */
  httpStatusCodes: [from: number, to: number][] | undefined;
}

export interface CircuitBreakerSpec {
  maxRequests: number;
  intervalMs: number;
  timeoutMs: number;
  /** A CEL expression on the counts. Undefined: more than 5 consecutive failures. */
  trip: string | undefined;
}

/** The names of the policies that apply to one target. */
export interface PolicyNames {
  timeout: string;
  retry: string;
  circuitBreaker: string;
}

/** A `Resiliency` document. */
export interface Resiliency {
  name: string;
  timeoutsMs: Map<string, number>;
  retries: Map<string, RetrySpec>;
  circuitBreakers: Map<string, CircuitBreakerSpec>;
  apps: Map<string, PolicyNames>;
  components: Map<string, { inbound: PolicyNames; outbound: PolicyNames }>;
}

// The defaults of Dapr's back-off library. The resource has no fields for the multiplier and the factor.
const EXPONENTIAL = { initialIntervalMs: 500, multiplier: 1.5, randomizationFactor: 0.5, maxIntervalMs: 60_000 };
const MAX_ELAPSED_TIME_MS = 15 * 60_000;
const CONSTANT_DURATION_MS = 5_000;

/** Returns a document without policies. An invalid document counts as one, and the metadata API lists it. */
export const noPolicies = (name: string): Resiliency => ({
  name,
  timeoutsMs: new Map(),
  retries: new Map(),
  circuitBreakers: new Map(),
  apps: new Map(),
  components: new Map(),
});

/** Returns the policies of a `Resiliency` document. @throws {ResourceError} for an invalid field */
export function readResiliency(document: Field): Resiliency {
  const policies = document.get('spec').get('policies');
  const targets = document.get('spec').get('targets');
  const map = <T>(field: Field, read: (field: Field) => T) =>
    new Map(field.entries().map(([name, entry]) => [name, read(entry)]));
  return {
    name: document.get('metadata').get('name').string(''),
    timeoutsMs: map(policies.get('timeouts'), (field) => durationMs(field)),
    retries: map(policies.get('retries'), readRetry),
    circuitBreakers: map(policies.get('circuitBreakers'), readCircuitBreaker),
    apps: map(targets.get('apps'), readPolicyNames),
    components: map(targets.get('components'), (component) => ({
      inbound: readPolicyNames(component.get('inbound')),
      outbound: readPolicyNames(component.get('outbound')),
    })),
  };
}

const readPolicyNames = (field: Field): PolicyNames => ({
  timeout: field.get('timeout').string(''),
  retry: field.get('retry').string(''),
  circuitBreaker: field.get('circuitBreaker').string(''),
});

function readRetry(field: Field): RetrySpec {
  const policy = field.get('policy');
  const name = policy.string('constant').toLowerCase();
  if (name !== 'constant' && name !== 'exponential') return policy.fail('constant, exponential');
  return {
    policy: name,
    durationMs: durationMs(field.get('duration'), CONSTANT_DURATION_MS),
    ...EXPONENTIAL,
    maxIntervalMs: durationMs(field.get('maxInterval'), EXPONENTIAL.maxIntervalMs),
    maxElapsedTimeMs: MAX_ELAPSED_TIME_MS,
    maxRetries: strictInteger(field.get('maxRetries'), -1),
    httpStatusCodes: readStatusCodes(field.get('matching').get('httpStatusCodes')),
  };
}

function readStatusCodes(field: Field): [number, number][] | undefined {
  if (!field.present || field.value === '') return undefined;
  return field
    .string()
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const [from = Number.NaN, to = from] = part
        .split('-')
        .map((code) => (/^\d+$/.test(code) ? Number(code) : Number.NaN));
      if (part.split('-').length > 2 || !(from >= 100 && from <= to && to <= 599)) {
        return field.fail('HTTP status codes and ranges from 100 to 599, such as 429,500-599');
      }
      return [from, to];
    });
}

function readCircuitBreaker(field: Field): CircuitBreakerSpec {
  const trip = field.get('trip');
  return {
    maxRequests: strictInteger(field.get('maxRequests'), 1) || 1,
    intervalMs: durationMs(field.get('interval'), 0),
    timeoutMs: durationMs(field.get('timeout'), 0) || 60_000,
    trip: trip.present ? celExpression(trip) : undefined,
  };
}

function celExpression(field: Field): string {
  const text = field.nonEmpty();
  try {
    parseCel(text);
  } catch {
    field.fail('a CEL expression such as consecutiveFailures > 5');
  }
  return text;
}

/** Returns an integer. Unlike in metadata, a string such as `"3"` is invalid. */
const strictInteger = (field: Field, fallback: number): number =>
  typeof field.value === 'string' ? field.fail('a whole number, without quotes') : field.integer(fallback);

function durationMs(field: Field, fallback?: number): number {
  if (!field.present && fallback !== undefined) return fallback;
  return parseDurationMs(field.string()) ?? field.fail('a duration such as 500ms, 5s or 1m');
}
