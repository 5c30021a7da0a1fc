import { getOrCreate } from '../get-or-create';
import type { Log } from '../log';
import type { CircuitBreakerSpec, PolicyNames, Resiliency, RetrySpec } from '../resources/resiliency';
import { CircuitBreaker } from './circuit-breaker';
import { PermanentError, retry } from './retry';

/** A failure with an HTTP status. The `matching` of a policy decides by this status whether to retry. */
export class StatusError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The attempt took longer than the policy's timeout. */
export class AttemptTimeout extends Error {}

/** Runs a call with timeout, circuit breaker and retries. The signal of an attempt is aborted at its timeout. */
export type Policy = <T>(call: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal) => Promise<T>;

/** The kinds of components, as the names of default policies have them. */
export type ComponentKind = 'Pubsub' | 'Statestore' | 'Secretstore' | 'Configuration' | 'Binding';

export type Direction = 'Inbound' | 'Outbound';

/**
 * The policies of all Resiliency documents. If a target is listed, its policies apply. Otherwise the policies with
 * Dapr's default names apply. https://docs.dapr.io/operations/resiliency/policies/default-policies/
 */
export class Policies {
  private readonly retries = new Map<string, RetrySpec>();
  private readonly timeoutsMs = new Map<string, number>();
  private readonly breakerSpecs = new Map<string, CircuitBreakerSpec>();
  private readonly components = new Map<string, { inbound: PolicyNames; outbound: PolicyNames }>();
  private readonly apps = new Map<string, PolicyNames>();
  /** As in Dapr, both directions of a component share one circuit breaker. */
  private readonly breakers = new Map<string, CircuitBreaker>();
  /** The number of times that the documents were replaced. */
  private version = 0;

  constructor(
    private resiliencies: readonly Resiliency[],
    private readonly log: Log,
  ) {
    this.read(resiliencies);
  }

  /** The names of the documents. */
  get names(): string[] {
    return this.resiliencies.map(({ name }) => name);
  }

  /**
   * Replaces the documents. The circuit breakers start anew, and calls that have begun keep their policy. Returns whether
   * the documents have changed.
   */
  replace(resiliencies: readonly Resiliency[]): boolean {
    if (JSON.stringify(plain(resiliencies)) === JSON.stringify(plain(this.resiliencies))) return false;
    this.resiliencies = resiliencies;
    for (const map of [this.retries, this.timeoutsMs, this.breakerSpecs, this.components, this.apps, this.breakers])
      map.clear();
    this.read(resiliencies);
    this.version += 1;
    return true;
  }

  private read(resiliencies: readonly Resiliency[]): void {
    for (const resiliency of resiliencies) {
      for (const [name, spec] of resiliency.retries) this.retries.set(name, spec);
      for (const [name, ms] of resiliency.timeoutsMs) this.timeoutsMs.set(name, ms);
      for (const [name, spec] of resiliency.circuitBreakers) this.breakerSpecs.set(name, spec);
      for (const [name, names] of resiliency.components) this.components.set(name, names);
      for (const [name, names] of resiliency.apps) this.apps.set(name, names);
    }
  }

  /** Returns the policy for messages from a component (inbound) or for calls to it (outbound). */
  component(name: string, kind: ComponentKind, direction: Direction): Policy {
    const create = () => {
      const listed = this.components.get(name);
      const levels = [`${kind}Component${direction}`, `Component${direction}`, ''];
      const names = listed ? listed[direction === 'Inbound' ? 'inbound' : 'outbound'] : this.defaults(levels);
      return this.policy(names, name);
    };
    let { version } = this;
    let policy = create();
    return (call, signal) => {
      if (version !== this.version) {
        policy = create();
        version = this.version;
      }
      return policy(call, signal);
    };
  }

  /** Returns the policy for calls to a method of an app. As in Dapr, each method has its own circuit breaker. */
  app(appId: string, method: string): Policy {
    return this.policy(this.apps.get(appId) ?? this.defaults(['App', '']), `app ${appId}:${method}`);
  }

  private defaults(levels: string[]): PolicyNames {
    const find = (policies: ReadonlyMap<string, unknown>, suffix: string) =>
      levels.map((level) => `Default${level}${suffix}`).find((name) => policies.has(name)) ?? '';
    return {
      timeout: find(this.timeoutsMs, 'TimeoutPolicy'),
      retry: find(this.retries, 'RetryPolicy'),
      circuitBreaker: find(this.breakerSpecs, 'CircuitBreakerPolicy'),
    };
  }

  private policy(names: PolicyNames, target: string): Policy {
    const named = <T>(policies: ReadonlyMap<string, T>, name: string, kind: string): T | undefined => {
      if (name !== '' && !policies.has(name)) this.log.warn(`resiliency: no ${kind} policy has the name ${name}`);
      return policies.get(name);
    };
    const timeoutMs = named(this.timeoutsMs, names.timeout, 'timeout') ?? 0;
    const retrySpec = named(this.retries, names.retry, 'retry');
    const breakerSpec = named(this.breakerSpecs, names.circuitBreaker, 'circuit breaker');
    const breaker = breakerSpec && getOrCreate(this.breakers, target, () => new CircuitBreaker(breakerSpec));
    return createPolicy(timeoutMs, retrySpec, breaker);
  }
}

/** Returns documents in a form that JSON shows completely. */
const plain = (resiliencies: readonly Resiliency[]) =>
  resiliencies.map((resiliency) =>
    Object.values(resiliency).map((value) => (value instanceof Map ? [...value] : value)),
  );

const NEVER = new AbortController().signal;

/** Returns a policy that retries calls through the circuit breaker. Each attempt has the timeout. 0: no timeout. */
export function createPolicy(timeoutMs: number, retrySpec?: RetrySpec, breaker?: CircuitBreaker): Policy {
  return (call, signal) => {
    const attempt = timeoutMs > 0 ? () => withTimeout(call, timeoutMs, signal) : () => call(signal ?? NEVER);
    const guarded = breaker ? () => breaker.run(attempt) : attempt;
    if (!retrySpec) return guarded();
    return retry(
      retrySpec,
      guarded,
      (error) => error instanceof PermanentError || isUnwanted(error, retrySpec),
      signal,
    );
  };
}

/** Returns whether the policy does not retry the HTTP status of an error. */
const isUnwanted = (error: unknown, { httpStatusCodes }: RetrySpec): boolean =>
  error instanceof StatusError &&
  httpStatusCodes !== undefined &&
  !httpStatusCodes.some(([from, to]) => from <= error.status && error.status <= to);

async function withTimeout<T>(
  call: (attemptSignal: AbortSignal) => Promise<T>,
  ms: number,
  signal?: AbortSignal,
): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new AttemptTimeout(`no answer within ${ms} ms`));
      controller.abort();
    }, ms);
  });
  try {
    return await Promise.race([call(controller.signal), timeout]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
