import type { TopicEvent } from './event';
import { checkNumber, MisuseError, show } from './misuse';

/** One attempt to deliver an event, and the answer of the app. */
export interface Delivery extends TopicEvent {
  /** The path of the app. */
  path: string;
  /** The status that the app has answered. Undefined: it has not answered. */
  status: number | undefined;
  /** The body that the app has answered: parsed JSON, or text. In a bulk delivery, the status of this event. */
  body: unknown;
  /** The reason why there is no answer. */
  error: string | undefined;
  /** Whether `fail('deliver', { after: true })` has kept the answer from the sidecar. */
  answerLost: boolean;
}

/** Selects deliveries: a function, or the fields that a delivery must have, such as `{ data: { item: 'tea' } }`. */
export type Where = ((delivery: Delivery) => boolean) | { readonly [F in keyof Delivery]?: unknown };

/** The default deadline. It is shorter than the 5 s of a test in Vitest, so that our error is the one to read. */
const DEADLINE_MS = 3_000;
/** The number of deliveries that an error lists. */
const LISTED = 10;

interface Waiter {
  topic: string;
  where: Where;
  resolve: (delivery: Delivery) => void;
  reject: (error: Error) => void;
}

/** The deliveries of one sidecar. Each is handed out once. */
export class Deliveries {
  private readonly all: Delivery[] = [];
  private readonly handedOut = new Set<Delivery>();
  private readonly waiters = new Set<Waiter>();

  add(delivery: Delivery): void {
    this.all.push(delivery);
    for (const waiter of this.waiters) {
      try {
        if (!this.fits(delivery, waiter)) continue;
      } catch (error) {
        waiter.reject(error as Error);
        continue;
      }
      this.handedOut.add(delivery);
      this.waiters.delete(waiter);
      waiter.resolve(delivery);
      return;
    }
  }

  /**
   * Resolves with the oldest delivery on a topic that matches and has not been handed out, or with the next one.
   *
   * @throws {Error} after `timeoutMs`; it lists the deliveries until then
   */
  next(topic: string, where: Where = {}, timeoutMs = DEADLINE_MS): Promise<Delivery> {
    if (typeof where !== 'function' && (typeof where !== 'object' || where === null)) {
      throw new MisuseError(`delivered: where is ${show(where)}; allowed: a function, or fields of a delivery`);
    }
    checkNumber('delivered: timeoutMs', timeoutMs, 1, 2 ** 31 - 1);
    const found = this.all.find((delivery) => !this.handedOut.has(delivery) && this.fits(delivery, { topic, where }));
    if (found) {
      this.handedOut.add(found);
      return Promise.resolve(found);
    }
    return this.wait(topic, where, timeoutMs);
  }

  clear(): void {
    this.all.length = 0;
    this.handedOut.clear();
  }

  /** Ends all waits. */
  close(): void {
    for (const { topic, reject } of this.waiters) {
      reject(new Error(`the sidecar was closed before a delivery on topic ${topic}`));
    }
  }

  private wait(topic: string, where: Where, timeoutMs: number): Promise<Delivery> {
    const { promise, resolve, reject } = withResolvers<Delivery>();
    const waiter: Waiter = { topic, where, resolve, reject };
    this.waiters.add(waiter);
    const timer = setTimeout(() => reject(this.late(waiter, timeoutMs)), timeoutMs);
    const end = () => {
      clearTimeout(timer);
      this.waiters.delete(waiter);
    };
    promise.then(end, end);
    return promise;
  }

  private fits(delivery: Delivery, { topic, where }: Pick<Waiter, 'topic' | 'where'>): boolean {
    if (delivery.topic !== topic) return false;
    return typeof where === 'function' ? where(delivery) : includes(delivery, where);
  }

  private late({ topic, where }: Waiter, timeoutMs: number): Error {
    const wanted =
      typeof where === 'function' ? ' that matches' : Object.keys(where).length > 0 ? ` with ${show(where)}` : '';
    const shown = this.all.slice(-LISTED).map((delivery) => `\n- ${this.describe(delivery)}`);
    const more = this.all.length > LISTED ? `, the last ${LISTED} are` : '';
    const arrived = this.all.length === 0 ? 'Nothing was delivered.' : `Delivered: ${this.all.length}${more}:`;
    return new Error(`no delivery on topic ${topic}${wanted} within ${timeoutMs} ms. ${arrived}${shown.join('')}`);
  }

  private describe(delivery: Delivery): string {
    const { topic, id, data, status, error } = delivery;
    const answer = status === undefined ? `no answer (${error})` : `the app answered ${status}`;
    const earlier = this.handedOut.has(delivery) ? ', returned by an earlier call' : '';
    return `${topic}: ${show(data)}, id ${id}, ${answer}${earlier}`;
  }
}

/** Returns whether `value` has everything that `wanted` has. Lists are compared item by item. */
function includes(value: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return Object.is(value, wanted);
  if (typeof value !== 'object' || value === null) return false;
  if (Buffer.isBuffer(wanted)) return Buffer.isBuffer(value) && wanted.equals(value);
  if (Array.isArray(wanted) && !(Array.isArray(value) && value.length === wanted.length)) return false;
  return Object.entries(wanted).every(([key, item]) => includes((value as Record<string, unknown>)[key], item));
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
