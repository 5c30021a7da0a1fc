import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiAnswer } from '../api/answer';
import { ApiError } from '../api/errors';
import type { ApiRequest, ApiRoute } from '../api/router';
import { type AppRequest, AppUnreachable } from '../app-channel';
import type { Binding } from '../bindings/binding';
import type { Broker, Message } from '../brokers/broker';
import type { HttpAnswer } from '../http-request';
import { readTarget } from '../invocation/target';
import type { DeliveryTarget, Probe } from '../probe';
import type { Subscription } from '../pubsub/subscriptions';
import type { Component } from '../resources/component';
import { readBatch, statusesOf } from './batch';
import { Deliveries } from './deliveries';
import { readEvent, type TopicEvent } from './event';
import { type Fault, type FaultKind, Faults } from './faults';
import type { StubApp } from './stub-app';
import type { StubBinding } from './stub-binding';

const DEFAULT_STATUS = 500;

/** A dead letter, and the topic to which its event was published. */
export interface DeadLetter extends TopicEvent {
  deadLetterTopic: string;
}

/** Observes one sidecar for a test, and makes its calls fail. */
export class TestProbe implements Probe {
  readonly deliveries = new Deliveries();
  readonly faults = new Faults();
  readonly stubs = new Map<string, StubApp>();
  readonly bindings = new Map<string, StubBinding>();
  readonly published: TopicEvent[] = [];
  readonly deadLetters: DeadLetter[] = [];
  readonly subscribed: Subscription[] = [];
  /** The pub/sub components whose brokers are not in this process. */
  readonly remoteBrokers: string[] = [];
  private readonly closed = new AbortController();

  route(route: ApiRoute): ApiRoute {
    const kind = kindOf(route);
    if (!kind) return route;
    const run = route.handler as (request: ApiRequest) => Promise<ApiAnswer | undefined> | ApiAnswer | undefined;
    const handler = async (request: ApiRequest) => {
      const name = kind === 'invoke' ? readTarget(request.path, request.headers)?.id : nameOf(kind, request);
      const fault = this.faults.take(kind, name ?? '');
      if (!fault) return run(request);
      await this.delay(fault);
      if (!fault.disconnect && fault.status === undefined) return run(request);
      // The caller does not get this answer.
      if (fault.after) await run({ ...request, respond: async () => {} });
      if (fault.disconnect) throw new Error('the test breaks the connection');
      return answerOf(fault, kind, name ?? '');
    };
    return { ...route, handler } as ApiRoute;
  }

  broker({ name, type }: Component, broker: Broker): Broker {
    if (type !== 'pubsub.in-memory') this.remoteBrokers.push(name);
    return {
      capabilities: broker.capabilities,
      maxBulkEntries: broker.maxBulkEntries,
      publish: async (topic, message) => {
        await broker.publish(topic, message);
        this.published.push(readEvent(message.data, topic, name));
      },
      subscribe: (options) => broker.subscribe(options),
      close: () => broker.close(),
    };
  }

  app(app: DeliveryTarget, subscription: Subscription): DeliveryTarget {
    this.subscribed.push(subscription);
    const { topic } = subscription;
    return {
      send: async (request) => {
        const fault = this.faults.take('deliver', topic);
        if (fault) await this.delay(fault);
        const fails = fault !== undefined && (fault.disconnect || fault.status !== undefined);
        if (!fails) return this.send(app, request, subscription, false);
        if (fault.after) await this.send(app, request, subscription, true);
        if (fault.disconnect) throw new AppUnreachable('the test breaks the connection', 'ECONNRESET');
        const body = fault.body === undefined ? '' : JSON.stringify(fault.body);
        return { status: fault.status ?? DEFAULT_STATUS, headers: {}, body: Buffer.from(body) };
      },
    };
  }

  deadLetter({ data }: Message, { topic, pubsubName, deadLetterTopic }: Subscription): void {
    this.deadLetters.push({ ...readEvent(data, topic, pubsubName), deadLetterTopic });
  }

  stub(appId: string): ReturnType<Probe['stub']> {
    const stub = this.stubs.get(appId);
    return stub && ((call) => stub.call(call));
  }

  binding(name: string): Binding | undefined {
    return this.bindings.get(name);
  }

  /** Forgets everything that a test has caused, except the stubs. */
  reset(): void {
    this.deliveries.clear();
    this.faults.clear();
    this.published.length = 0;
    this.deadLetters.length = 0;
    for (const { calls } of [...this.stubs.values(), ...this.bindings.values()]) calls.length = 0;
  }

  close(): void {
    this.closed.abort();
    this.deliveries.close();
  }

  private async send(
    app: DeliveryTarget,
    request: AppRequest,
    { pubsubName, topic }: Subscription,
    answerLost: boolean,
  ): Promise<HttpAnswer> {
    const events = readBatch(request, topic, pubsubName);
    const report = (status: number | undefined, bodies: readonly unknown[], error?: string) => {
      for (const [i, event] of events.entries()) {
        this.deliveries.add({ ...event, path: request.path, status, body: bodies[i], error, answerLost });
      }
    };
    try {
      const answer = await app.send(request);
      report(answer.status, statusesOf(answer, request));
      return answer;
    } catch (error) {
      report(undefined, [], (error as Error).message);
      throw error;
    }
  }

  private async delay({ delayMs = 0 }: Fault): Promise<void> {
    if (delayMs > 0) await sleep(delayMs, undefined, { signal: this.closed.signal });
  }
}

/** Returns the kind of the calls of a route; undefined for calls that do not fail. */
function kindOf({ pattern }: ApiRoute): FaultKind | undefined {
  if (pattern === undefined) return 'invoke';
  const [, block] = pattern.split('/');
  return block === 'publish' || block === 'state' ? block : block === 'bindings' ? 'bind' : undefined;
}

const nameOf = (kind: FaultKind, { params }: ApiRequest) => (kind === 'publish' ? params.topic : params.name);

function answerOf({ status = DEFAULT_STATUS, body }: Fault, kind: FaultKind, name: string): ApiAnswer {
  const codes: Partial<Record<FaultKind, string>> = {
    publish: 'ERR_PUBSUB_PUBLISH_MESSAGE',
    state: 'ERR_STATE_STORE',
    invoke: 'ERR_DIRECT_INVOKE',
    bind: 'ERR_INVOKE_OUTPUT_BINDING',
  };
  if (body === undefined) throw new ApiError(status, codes[kind] ?? '', `the test lets this ${kind} fail: ${name}`);
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return {
    status,
    headers: { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' },
    body: text,
  };
}
