import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from './brokers/broker';
import { InMemoryBroker } from './brokers/in-memory';
import { getOrCreate } from './get-or-create';
import type { Component } from './resources/component';
import { ResourceError } from './resources/document';

const DRAIN_POLL_MS = 20;

/** The in-memory brokers of a run, by component name: sidecars that are given the same ones share their topics. */
export class SharedMemory {
  private readonly brokers = new Map<string, InMemoryBroker>();

  broker(name: string): InMemoryBroker {
    return getOrCreate(this.brokers, name, () => new InMemoryBroker());
  }

  /** How many deliveries the subscribers of all topics still have before them. */
  get unfinished(): number {
    let count = 0;
    for (const broker of this.brokers.values()) count += broker.unfinished;
    return count;
  }

  /** Waits until every delivery is finished, but no longer than `maxMs`. Resolves with how many are not. */
  async drain(maxMs: number): Promise<number> {
    const deadline = Date.now() + maxMs;
    while (this.unfinished > 0 && Date.now() < deadline) await sleep(DRAIN_POLL_MS);
    return this.unfinished;
  }
}

/** What a component type needs in order to be made. */
export interface ComponentContext {
  appId: string;
  memory: SharedMemory;
}

interface BrokerType {
  /** Metadata that is understood, besides what every pub/sub component has. */
  metadata: readonly string[];
  create(component: Component, context: ComponentContext): Broker | Promise<Broker>;
}

const BROKER_TYPES: Readonly<Record<string, BrokerType>> = {
  'pubsub.in-memory': { metadata: [], create: ({ name }, { memory }) => memory.broker(name) },
};

const COMMON_METADATA = ['allowedTopics', 'protectedTopics', 'publishingScopes', 'subscriptionScopes', 'consumerID'];

/**
 * The broker that a component stands for.
 *
 * @throws {ResourceError} when there is no such type or version
 */
export function createBroker(component: Component, context: ComponentContext): Broker | Promise<Broker> {
  const { file, name, type, version } = component;
  const kind = BROKER_TYPES[type];
  const where = `${file}: component ${name}`;
  if (!kind) {
    throw new ResourceError(`${where}: spec.type is ${type}; allowed: ${Object.keys(BROKER_TYPES).join(', ')}`);
  }
  if (version !== 'v1') throw new ResourceError(`${where}: spec.version is ${version}; allowed: v1`);
  return kind.create(component, context);
}

/** Metadata of a component that nothing here looks at. */
export function unsupportedMetadata({ type, metadata }: Component): string[] {
  const known = new Set(
    [...COMMON_METADATA, ...(BROKER_TYPES[type]?.metadata ?? [])].map((name) => name.toLowerCase()),
  );
  return [...metadata.keys()].filter((name) => !known.has(name.toLowerCase()));
}
