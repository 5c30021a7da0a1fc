import type { ApiRoute } from './api/router';
import type { AppRequest } from './app-channel';
import type { Binding } from './bindings/binding';
import type { Broker, Message } from './brokers/broker';
import type { HeaderLine, HttpAnswer, OpenAnswer } from './http-request';
import type { Subscription } from './pubsub/subscriptions';
import type { Component } from './resources/component';

/** The app as deliveries see it. */
export interface DeliveryTarget {
  send(request: AppRequest): Promise<HttpAnswer>;
}

/** A call to an app that has no process. */
export interface StubCall {
  method: string;
  /** With the query. */
  path: string;
  lines: readonly HeaderLine[];
  body: Buffer;
}

/** The points of a sidecar at which a test observes and interferes. Without a probe, they cost nothing. */
export interface Probe {
  /** Returns the route to use instead. */
  route(route: ApiRoute): ApiRoute;
  /** Returns the broker to use instead. */
  broker(component: Component, broker: Broker): Broker;
  /** Returns the app to which the events of a subscription are delivered. */
  app(app: DeliveryTarget, subscription: Subscription): DeliveryTarget;
  /** Called when a message of this subscription has been stored on its dead-letter topic. */
  deadLetter(message: Message, subscription: Subscription): void;
  /** Returns the app to which invocation goes instead of another sidecar; undefined if there is none. */
  stub(appId: string): ((call: StubCall) => Promise<OpenAnswer>) | undefined;
  /** Returns the output binding to use instead of a component; undefined if there is none. */
  binding(name: string): Binding | undefined;
}
