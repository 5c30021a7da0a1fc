import { SharedMemory } from '../components';
import { Directory } from '../invocation/directory';
import { type Sidecar, startSidecar } from '../sidecar';
import type { SidecarOptions } from '../sidecar-options';
import type { Delivery, Where } from './deliveries';
import { type GivenEvent, type TopicEvent, toMessage } from './event';
import type { Fault, FaultKind } from './faults';
import { checkKeys, checkName, checkNumber, MisuseError, show } from './misuse';
import { StubApp, type StubRoutes } from './stub-app';
import { StubBinding, type StubBindingAnswer } from './stub-binding';
import { type DeadLetter, TestProbe } from './test-probe';

const SETTLED_MS = 3_000;

/** The sidecars of a test with the same memory find each other, and no other sidecar finds them. */
const directories = new WeakMap<SharedMemory, Directory>();

/** A sidecar with what a test needs. `startTestSidecar` starts one. */
export class TestSidecar {
  private readonly sidecar: Sidecar;
  private readonly probe: TestProbe;
  private readonly memory: SharedMemory;
  private readonly appId: string;

  constructor(sidecar: Sidecar, probe: TestProbe, memory: SharedMemory, appId: string) {
    this.sidecar = sidecar;
    this.probe = probe;
    this.memory = memory;
    this.appId = appId;
  }

  /** The port of the Dapr API. */
  get port(): number {
    return this.sidecar.port;
  }

  /** The address of the Dapr API, such as `http://127.0.0.1:3500`. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /**
   * Resolves with the next delivery on a topic that matches, and with what the app has answered. Each attempt of a
   * delivery counts, and each is returned once: a delivery before the call is returned too, unless an earlier call has
   * returned it.
   *
   * @param where a function, or the fields that the delivery must have. Default: every delivery
   * @param options `timeoutMs` is the deadline. Default: 3 s
   * @throws {MisuseError} for a topic without a subscription
   * @throws {Error} at the deadline. The message lists the deliveries until then
   */
  delivered(topic: string, where?: Where, options: { timeoutMs?: number } = {}): Promise<Delivery> {
    const delivery = this.nextDelivery(topic, where, options);
    // A test that fails before it awaits the delivery must not end with the error of the delivery instead.
    delivery.catch(() => {});
    return delivery;
  }

  /** Returns the events that the broker has accepted from this app on a topic, oldest first. */
  published(topic: string): TopicEvent[] {
    checkName('published: the topic', topic);
    return this.probe.published.filter((event) => event.topic === topic);
  }

  /**
   * Returns the dead letters of a topic, oldest first. `settled` waits until they are there.
   *
   * @param topic the topic of the events, or their dead-letter topic
   * @throws {MisuseError} for a topic without a subscription
   */
  deadLetters(topic: string): DeadLetter[] {
    const subscriptions = this.sidecar.consumers?.subscriptions ?? [];
    if (!subscriptions.some(({ deadLetterTopic }) => deadLetterTopic === topic)) {
      this.subscriptionsTo('deadLetters', topic);
    }
    return this.probe.deadLetters.filter((event) => event.topic === topic || event.deadLetterTopic === topic);
  }

  /**
   * Resolves when every published event is finished: delivered, dropped, lost or in its dead-letter topic.
   *
   * @throws {MisuseError} if a broker is not in memory
   * @throws {Error} after `timeoutMs`. Default: 3 s
   */
  async settled({ timeoutMs = SETTLED_MS }: { timeoutMs?: number } = {}): Promise<void> {
    checkNumber('settled: timeoutMs', timeoutMs, 1, 2 ** 31 - 1);
    const [remote] = this.probe.remoteBrokers;
    if (remote !== undefined) {
      throw new MisuseError(`settled: the pub/sub component ${remote} is not in memory; allowed: pubsub.in-memory`);
    }
    const left = await this.memory.drain(timeoutMs);
    if (left > 0) throw new Error(`${left} deliveries are not finished after ${timeoutMs} ms`);
  }

  /**
   * Lets the next calls fail: publishes, state calls, invocations and bindings of the app, and deliveries to the app.
   * Returns a function that ends it.
   *
   * @throws {MisuseError} for an invalid fault
   */
  fail(kind: FaultKind, fault: Fault): () => void {
    return this.probe.faults.add(kind, fault);
  }

  /**
   * Delivers an event to the app as if it came from the broker, with the retries and the dead letters of its
   * subscription. Resolves when the event is finished.
   *
   * @param event a CloudEvent of which `data` is enough, or a whole message as a string or Buffer
   * @param options `times`: how often the same event arrives. `pubsubName`: the component, if several have the topic
   * @throws {MisuseError} for a topic without a subscription, or something that is no event
   */
  async deliver(
    topic: string,
    event: GivenEvent,
    options: { times?: number; pubsubName?: string } = {},
  ): Promise<void> {
    checkKeys('deliver: options', options, ['times', 'pubsubName']);
    const { times = 1, pubsubName } = options;
    checkNumber('deliver: times', times, 1, 10_000);
    const found = this.subscriptionsTo('deliver', topic, pubsubName);
    const names = found.map((subscription) => subscription.pubsubName);
    if (names.length > 1) {
      throw new MisuseError(
        `deliver: several components have the topic ${topic}; allowed: a pubsubName of ${names.join(', ')}`,
      );
    }
    const [name = ''] = names;
    const handler = this.sidecar.consumers?.handlerOf(name, topic);
    if (!handler) throw new MisuseError(`deliver: the subscription to ${topic} is paused; allowed: a healthy app`);
    const message = { data: toMessage(event, topic, name), metadata: undefined };
    for (let i = 0; i < times; i += 1) await handler(message);
  }

  /**
   * Adds a stub of another app. The app under test reaches it by service invocation.
   *
   * @param routes answers by method and path, such as `{ 'GET /items/tea': { body: { left: 3 } } }`, or a function for
   *   all calls. A call without a route gets 404
   * @throws {MisuseError} for invalid routes, or the id of the app under test
   */
  app(id: string, routes: StubRoutes = () => ({})): StubApp {
    checkName('app: the id', id);
    if (id === this.appId)
      throw new MisuseError(`app: ${show(id)} is the app under test; allowed: the id of another app`);
    const stub = new StubApp(id, routes);
    this.probe.stubs.set(id, stub);
    return stub;
  }

  /**
   * Replaces an output binding, which needs no component. The calls of the app go to `calls` and not to its target.
   *
   * @param answer the answer to every call, or a function. Default: an empty answer
   * @throws {MisuseError} for an invalid answer
   */
  binding(name: string, answer: StubBindingAnswer = {}): StubBinding {
    checkName('binding: the name', name);
    const stub = new StubBinding(name, answer);
    this.probe.bindings.set(name, stub);
    return stub;
  }

  /**
   * Changes items of a component of type `configuration.in-memory`. The app gets the changes to which it subscribes.
   *
   * @param items values by key. `undefined` removes an item
   * @throws {MisuseError} for an unknown component or a value that is no text
   */
  configure(name: string, items: Readonly<Record<string, string | undefined>>): void {
    const { blocks } = this.sidecar;
    const store = blocks.configuration(name);
    const allowed = blocks.configurationNames.join(', ') || 'none, because there is no component of this type';
    if (!store)
      throw new MisuseError(`configure: no configuration store has the name ${show(name)}; allowed: ${allowed}`);
    for (const [key, value] of Object.entries(items)) {
      if (value !== undefined && typeof value !== 'string') {
        throw new MisuseError(`configure: ${key} is ${show(value)}; allowed: a string, or undefined to remove it`);
      }
    }
    for (const [key, value] of Object.entries(items)) store.set(key, value === undefined ? undefined : { value });
  }

  /** Forgets what was published, delivered and called, and ends all faults. Stubs and stored state stay. */
  reset(): void {
    this.probe.reset();
  }

  /** Stops the sidecar. Resolves with whether all deliveries in flight have finished. */
  async close(): Promise<boolean> {
    this.probe.close();
    return this.sidecar.close();
  }

  private async nextDelivery(topic: string, where: Where | undefined, options: { timeoutMs?: number }) {
    this.subscriptionsTo('delivered', topic);
    checkKeys('delivered: options', options, ['timeoutMs']);
    return this.probe.deliveries.next(topic, where, options.timeoutMs);
  }

  private subscriptionsTo(call: string, topic: string, pubsubName?: string) {
    const subscriptions = this.sidecar.consumers?.subscriptions ?? [];
    const found = subscriptions.filter(
      (subscription) =>
        subscription.topic === topic && (pubsubName ?? subscription.pubsubName) === subscription.pubsubName,
    );
    if (found.length > 0) return found;
    const known = subscriptions.map((subscription) => `${subscription.topic} (${subscription.pubsubName})`);
    const on = pubsubName === undefined ? '' : ` on ${pubsubName}`;
    const allowed = known.length > 0 ? known.join(', ') : 'none, because the app has no subscriptions';
    throw new MisuseError(`${call}: the app does not subscribe to ${show(topic)}${on}; allowed: ${allowed}`);
  }
}

/**
 * Starts a sidecar for a test. The app must listen before that. `await dapr.close()` stops it.
 *
 * @throws {ResourceError} for an invalid resource
 */
export async function startTestSidecar(options: SidecarOptions): Promise<TestSidecar> {
  const { memory = new SharedMemory() } = options;
  const directory = directories.get(memory) ?? new Directory(null);
  directories.set(memory, directory);
  const probe = new TestProbe();
  const sidecar = await startSidecar({ directory, ...options, memory, probe });
  return new TestSidecar(sidecar, probe, memory, options.appId);
}
