import type { ComponentMetadata } from './api/metadata';
import type { Blocks } from './building-blocks';
import { createComponent, keyPrefix, type SharedMemory } from './components';
import type { Environment } from './environment';
import type { Log } from './log';
import type { Probe } from './probe';
import type { OutboxPubsub } from './pubsub/outbox';
import { readOutbox } from './pubsub/outbox-settings';
import { readScopes } from './pubsub/scopes';
import type { Policies } from './resiliency/policy';
import type { Component } from './resources/component';
import { readEncryption } from './stores/encryption';
import type { StateStore } from './stores/state-store';

export interface LoadedComponentsContext {
  appId: string;
  env: Environment;
  memory: SharedMemory;
  policies: Policies;
  blocks: Blocks;
  probe: Probe | undefined;
  log: Log;
}

/** The components of one sidecar, connected to their servers. */
export class LoadedComponents {
  readonly pubsubs = new Map<string, OutboxPubsub>();
  readonly stores = new Map<string, StateStore>();
  /** The components as the metadata API lists them. */
  metadata: readonly ComponentMetadata[] = [];

  constructor(private readonly context: LoadedComponentsContext) {}

  /** Creates a component. @throws {ResourceError} when it is invalid, unless it has `ignoreErrors` */
  async add(component: Component): Promise<void> {
    const { name, type, version, metadata } = component;
    const { appId, env, memory, policies, blocks, probe, log } = this.context;
    const created = await createComponent(component, { memory, env, log }).catch((error: Error) => {
      if (!component.ignoreErrors) throw error;
      log.warn(`${error.message}; the component is ignored because of its ignoreErrors`);
    });
    if (!created) return;
    if (created.kind === 'pubsub') {
      const broker = probe?.broker(component, created.part) ?? created.part;
      const policy = policies.component(name, 'Pubsub', 'Outbound');
      const group = metadata.get('consumerID')?.trim() || appId;
      this.pubsubs.set(name, {
        name,
        broker,
        policy,
        scopes: readScopes(component, appId),
        group,
        isDurable: type !== 'pubsub.in-memory',
      });
    } else if (created.kind === 'state') {
      const policy = policies.component(name, 'Statestore', 'Outbound');
      const prefix = keyPrefix(component, appId, env);
      const [encryption, outbox] = [readEncryption(component), readOutbox(component)];
      this.stores.set(name, { name, store: created.part, policy, keyPrefix: prefix, encryption, outbox });
    } else blocks.add(component, created.part);
    this.metadata = [...this.metadata, { name, type, version, capabilities: created.part.capabilities }];
  }

  /** Closes a component. The API does not find it any more. */
  async remove(name: string): Promise<void> {
    const [pubsub, store] = [this.pubsubs.get(name), this.stores.get(name)];
    this.pubsubs.delete(name);
    this.stores.delete(name);
    this.context.blocks.remove(name);
    this.metadata = this.metadata.filter((component) => component.name !== name);
    await Promise.all([pubsub?.broker.close(), store?.store.close()]);
  }

  async close(): Promise<void> {
    await Promise.all([...this.pubsubs.values()].map(({ broker }) => broker.close()));
    await Promise.all([...this.stores.values()].map(({ store }) => store.close()));
  }
}
