import { setTimeout as sleep } from 'node:timers/promises';
import { HTTP_BINDING_METADATA, httpBinding } from './bindings/http';
import type { Broker } from './brokers/broker';
import { InMemoryBroker } from './brokers/in-memory';
import { RedisBroker } from './brokers/redis';
import { withTopicPrefix } from './brokers/topic-prefix';
import type { Block } from './building-blocks';
import { InMemoryConfiguration } from './configuration/in-memory';
import type { Environment } from './environment';
import { getOrCreate } from './get-or-create';
import type { Log } from './log';
import { routeAlias } from './middleware/route-alias';
import { uppercase } from './middleware/uppercase';
import { OUTBOX_METADATA } from './pubsub/outbox-settings';
import { RedisConnection } from './redis/connection';
import {
  CONNECTION_METADATA,
  readRedisSettings,
  readStoreTtl,
  readStreamSettings,
  STREAM_METADATA,
} from './redis/settings';
import type { Component } from './resources/component';
import { ResourceError } from './resources/document';
import { SECRET_STORES } from './secrets/open';
import { ENCRYPTION_METADATA } from './stores/encryption';
import { InMemoryStore } from './stores/in-memory';
import { RedisStore } from './stores/redis';
import type { Store } from './stores/store';

const DRAIN_POLL_MS = 20;

/** The time after which daprd gives up on a component. */
const CONNECT_MS = 5_000;

/** In-memory brokers and stores by component name. Sidecars with the same `SharedMemory` share them. */
export class SharedMemory {
  private readonly brokers = new Map<string, InMemoryBroker>();
  private readonly stores = new Map<string, InMemoryStore>();
  private readonly configurations = new Map<string, InMemoryConfiguration>();

  broker(name: string): InMemoryBroker {
    return getOrCreate(this.brokers, name, () => new InMemoryBroker());
  }

  store(name: string): InMemoryStore {
    return getOrCreate(this.stores, name, () => new InMemoryStore());
  }

  configuration(name: string): InMemoryConfiguration {
    return getOrCreate(this.configurations, name, () => new InMemoryConfiguration());
  }

  /** The number of deliveries that are not finished, on all topics. */
  get unfinished(): number {
    let count = 0;
    for (const broker of this.brokers.values()) count += broker.unfinished;
    return count;
  }

  /** Waits at most `maxMs` until all deliveries are finished. Resolves with the number of unfinished deliveries. */
  async drain(maxMs: number): Promise<number> {
    const deadline = Date.now() + maxMs;
    while (this.unfinished > 0 && Date.now() < deadline) await sleep(DRAIN_POLL_MS);
    return this.unfinished;
  }
}

export interface ComponentContext {
  memory: SharedMemory;
  env: Environment;
  log: Log;
}

/** Creates the components of one type. `T` is `Broker`, `Store` or `Block`. */
interface ComponentType<T> {
  /** The supported metadata, in addition to the metadata of every component of the building block. */
  metadata: readonly string[] | 'any';
  create(component: Component, context: ComponentContext): Promise<T>;
}

const BROKERS: Readonly<Record<string, ComponentType<Broker>>> = {
  'pubsub.in-memory': {
    metadata: [],
    create: async ({ name }, { memory }) => memory.broker(name),
  },
  'pubsub.redis': {
    metadata: [...CONNECTION_METADATA, ...STREAM_METADATA],
    create: async (component, { log }) => {
      const settings = readRedisSettings(component);
      const streams = readStreamSettings(component);
      const connection = new RedisConnection(settings, log);
      await connection.connect(CONNECT_MS);
      return new RedisBroker(connection, () => new RedisConnection(settings, log), streams, log);
    },
  },
};

const STORES: Readonly<Record<string, ComponentType<Store>>> = {
  'state.in-memory': {
    metadata: [],
    create: async ({ name }, { memory }) => memory.store(name),
  },
  'state.redis': {
    metadata: [...CONNECTION_METADATA, 'ttlInSeconds'],
    create: async (component, { log }) => {
      const ttl = readStoreTtl(component);
      const connection = new RedisConnection(readRedisSettings(component), log);
      await connection.connect(CONNECT_MS);
      return new RedisStore(connection, ttl);
    },
  },
};

const BLOCKS: Readonly<Record<string, ComponentType<Block>>> = {
  ...Object.fromEntries(
    Object.entries(SECRET_STORES).map(([type, { metadata, open }]) => [
      type,
      { metadata, create: async (component: Component, { env }: ComponentContext) => open(component, env) },
    ]),
  ),
  'configuration.in-memory': {
    // Each metadata item is a configuration item.
    metadata: 'any',
    create: async ({ name, metadata }, { memory }) => {
      const configuration = memory.configuration(name);
      configuration.setDefaults(metadata);
      return configuration;
    },
  },
  'middleware.http.uppercase': { metadata: ['direction'], create: async (component) => uppercase(component) },
  'middleware.http.routeralias': { metadata: 'any', create: async (component) => routeAlias(component) },
  'bindings.http': { metadata: HTTP_BINDING_METADATA, create: async (component) => httpBinding(component) },
};

/** The supported component types. */
export const BROKER_TYPES = Object.keys(BROKERS);
export const STORE_TYPES = Object.keys(STORES);
export const BLOCK_TYPES = Object.keys(BLOCKS);

const COMMON_METADATA: Readonly<Record<string, readonly string[]>> = {
  pubsub: ['allowedTopics', 'protectedTopics', 'publishingScopes', 'subscriptionScopes', 'consumerID'],
  state: ['keyPrefix', 'actorStateStore', ...ENCRYPTION_METADATA, ...OUTBOX_METADATA],
};

export type CreatedComponent =
  | { kind: 'pubsub'; part: Broker }
  | { kind: 'state'; part: Store }
  | { kind: 'block'; part: Block };

/**
 * Resolves with the broker, the store or the block of a component, connected to its server.
 *
 * @throws {ResourceError} for an unsupported type or version, invalid metadata or an unreachable server
 */
export async function createComponent(component: Component, context: ComponentContext): Promise<CreatedComponent> {
  const { file, name, type, version } = component;
  const [broker, store, block] = [BROKERS[type], STORES[type], BLOCKS[type]];
  const known = broker ?? store ?? block;
  const where = `${file}: component ${name}`;
  if (!known) {
    const allowed = [...BROKER_TYPES, ...STORE_TYPES, ...BLOCK_TYPES].join(', ');
    throw new ResourceError(`${where}: spec.type is ${type}; allowed: ${allowed}`);
  }
  if (!['', 'v0', 'v1'].includes(version.toLowerCase()))
    throw new ResourceError(`${where}: spec.version is ${version}; allowed: v1`);
  for (const key of unknownMetadata(component, known.metadata)) {
    context.log.warn(`${where}: metadata ${key} is not supported and is ignored`);
  }
  try {
    if (broker) {
      const created = await broker.create(component, context);
      return { kind: 'pubsub', part: withTopicPrefix(created, component.topicPrefix) };
    }
    if (store) return { kind: 'state', part: await store.create(component, context) };
    return { kind: 'block', part: await (block as ComponentType<Block>).create(component, context) };
  } catch (error) {
    if (error instanceof ResourceError) throw error;
    throw new ResourceError(`${where}: ${(error as Error).message}`, { cause: error });
  }
}

function unknownMetadata({ type, metadata }: Component, supported: readonly string[] | 'any'): string[] {
  if (supported === 'any') return [];
  const common = COMMON_METADATA[type.split('.')[0] ?? ''] ?? [];
  const known = new Set([...common, ...supported].map((name) => name.toLowerCase()));
  return [...metadata.keys()].filter((name) => !known.has(name.toLowerCase()));
}

/**
 * Returns the prefix of an app's keys in a store. https://docs.dapr.io/developing-applications/building-blocks/state-management/howto-share-state/
 *
 * @throws {ResourceError} for a prefix that contains the separator
 */
export function keyPrefix({ file, metadata, name }: Component, appId: string, env: Environment): string {
  const [, given = 'appid'] = [...metadata].find(([key]) => key.toLowerCase() === 'keyprefix') ?? [];
  const strategy = given.toLowerCase();
  if (strategy.includes('||')) {
    throw new ResourceError(`${file}: component ${name}: metadata keyPrefix is ${given}; allowed: a value without ||`);
  }
  if (strategy === 'none') return '';
  if (strategy === 'name') return `${name}||`;
  if (strategy === 'namespace' && env.NAMESPACE) return `${env.NAMESPACE}.${appId}||`;
  return strategy === 'appid' || strategy === 'namespace' ? `${appId}||` : `${strategy}||`;
}
