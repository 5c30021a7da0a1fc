import { parseCel } from '../pubsub/cel';
import type { CircuitBreakerSpec } from '../resources/resiliency';
import { PermanentError } from './retry';

/** The circuit is open, so the call was not made. An immediate retry would fail too. */
export class CircuitOpen extends PermanentError {}

interface Counts {
  requests: number;
  totalSuccesses: number;
  totalFailures: number;
  consecutiveSuccesses: number;
  consecutiveFailures: number;
}

const zero = (): Counts => ({
  requests: 0,
  totalSuccesses: 0,
  totalFailures: 0,
  consecutiveSuccesses: 0,
  consecutiveFailures: 0,
});

/**
 * Stops calls to a target that fails repeatedly. While it is closed, it counts results and opens when `trip` is true.
 * After `timeoutMs`, it is half-open and allows `maxRequests` calls. It closes if they succeed, and opens if one fails.
 * https://docs.dapr.io/operations/resiliency/policies/circuit-breakers/
 */
export class CircuitBreaker {
  private state: 'closed' | 'open' | 'half-open' = 'closed';
  private counts = zero();
  /** Incremented at each change of state. The result of a call counts only in the period in which it started. */
  private period = 0;
  private endsAt: number;
  private readonly trips: (counts: Counts) => boolean;

  /** @throws {Error} when `trip` is not a valid CEL expression */
  constructor(
    private readonly spec: CircuitBreakerSpec,
    private readonly now: () => number = Date.now,
  ) {
    this.trips = spec.trip === undefined ? (counts) => counts.consecutiveFailures > 5 : compile(spec.trip);
    this.endsAt = this.endOfPeriod();
  }

  /** Resolves with the result of `call`. @throws {CircuitOpen} without a call while the circuit is open */
  async run<T>(call: () => Promise<T>): Promise<T> {
    this.tick();
    if (this.state === 'open') throw new CircuitOpen('circuit breaker is open');
    if (this.state === 'half-open' && this.counts.requests >= this.spec.maxRequests) {
      throw new CircuitOpen('too many requests');
    }
    const period = this.period;
    this.counts.requests += 1;
    try {
      const result = await call();
      this.ended(period, true);
      return result;
    } catch (error) {
      this.ended(period, false);
      throw error;
    }
  }

  private ended(period: number, success: boolean): void {
    this.tick();
    if (period !== this.period) return;
    const { counts } = this;
    if (success) {
      counts.totalSuccesses += 1;
      counts.consecutiveSuccesses += 1;
      counts.consecutiveFailures = 0;
      if (this.state === 'half-open' && counts.consecutiveSuccesses >= this.spec.maxRequests) this.enter('closed');
    } else {
      counts.totalFailures += 1;
      counts.consecutiveFailures += 1;
      counts.consecutiveSuccesses = 0;
      if (this.state === 'half-open' || this.trips(counts)) this.enter('open');
    }
  }

  private tick(): void {
    if (this.now() < this.endsAt) return;
    if (this.state === 'open') this.enter('half-open');
    else if (this.state === 'closed') this.enter('closed');
  }

  private enter(state: 'closed' | 'open' | 'half-open'): void {
    this.state = state;
    this.period += 1;
    this.counts = zero();
    this.endsAt = this.endOfPeriod();
  }

  private endOfPeriod(): number {
    const { intervalMs, timeoutMs } = this.spec;
    if (this.state === 'open') return this.now() + timeoutMs;
    return this.state === 'closed' && intervalMs > 0 ? this.now() + intervalMs : Number.POSITIVE_INFINITY;
  }
}

function compile(trip: string): (counts: Counts) => boolean {
  const evaluate = parseCel(trip);
  return (counts) => {
    const integers = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, BigInt(count)]));
    try {
      return evaluate(integers) === true;
    } catch {
      return false; // as in Dapr, an expression that fails does not open the circuit
    }
  };
}
