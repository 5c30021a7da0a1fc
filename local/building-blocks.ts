import { bindingRoute, type NamedBinding } from './api/bindings';
import { configurationRoutes, type NamedConfiguration } from './api/configuration';
import type { ApiRoute } from './api/router';
import { type NamedSecretStore, secretRoutes } from './api/secrets';
import type { AppChannel } from './app-channel';
import type { Binding } from './bindings/binding';
import type { InMemoryConfiguration } from './configuration/in-memory';
import type { Log } from './log';
import type { Middleware } from './middleware/middleware';
import type { Probe } from './probe';
import { createPolicy, type Policies } from './resiliency/policy';
import type { Component } from './resources/component';
import type { Handler } from './resources/configuration';
import type { SecretScope, SecretStore } from './secrets/secret-store';
import type { Tracing } from './tracing';

/** A component that is neither a broker nor a state store. */
export type Block = SecretStore | InMemoryConfiguration | Binding | Middleware;

export interface BlocksContext {
  policies: Policies;
  secretScopes: readonly SecretScope[];
  app: AppChannel | undefined;
  tracing: Tracing;
  log: Log;
  probe: Probe | undefined;
}

/** The secret stores, configuration stores and output bindings of one sidecar. */
export class Blocks {
  private readonly secretStores = new Map<string, NamedSecretStore>();
  private readonly configurations = new Map<string, NamedConfiguration>();
  private readonly middlewares = new Map<string, Middleware & { type: string }>();
  private readonly bindings = new Map<string, NamedBinding>();

  constructor(private readonly context: BlocksContext) {}

  add({ name, type }: Component, block: Block): void {
    const { policies, secretScopes } = this.context;
    if (block.block === 'secretstores') {
      const scope = secretScopes.find(({ storeName }) => storeName === name);
      this.secretStores.set(name, { store: block, policy: policies.component(name, 'Secretstore', 'Outbound'), scope });
    } else if (block.block === 'configuration') {
      const policy = policies.component(name, 'Configuration', 'Inbound');
      this.configurations.set(name, { name, store: block, policy, subscriptions: new Set() });
    } else if (block.block === 'middleware') this.middlewares.set(name, { ...block, type });
    else this.bindings.set(name, { binding: block, policy: policies.component(name, 'Binding', 'Outbound') });
  }

  /** Returns the middlewares of a pipeline. As in daprd, one that does not exist is left out. */
  pipeline(handlers: readonly Handler[]): Middleware[] {
    return handlers.flatMap(({ name, type }) => {
      const middleware = this.middlewares.get(name);
      return middleware?.type === type ? [middleware] : [];
    });
  }

  routes(): ApiRoute[] {
    const { app, tracing, log, probe } = this.context;
    const findBinding = (name: string): NamedBinding | undefined => {
      const stub = probe?.binding(name);
      return stub ? { binding: stub, policy: createPolicy(0) } : this.bindings.get(name);
    };
    return [
      ...secretRoutes(this.secretStores),
      ...configurationRoutes(this.configurations, app, log),
      bindingRoute(findBinding, tracing),
    ];
  }

  /** Returns the configuration store with this name; undefined if there is none. */
  configuration(name: string): InMemoryConfiguration | undefined {
    return this.configurations.get(name)?.store;
  }

  get configurationNames(): string[] {
    return [...this.configurations.keys()];
  }

  /** Closes a component. The API does not find it any more. */
  remove(name: string): void {
    const configuration = this.configurations.get(name);
    if (configuration) unsubscribeAll(configuration);
    this.bindings.get(name)?.binding.close();
    const all = [this.secretStores, this.configurations, this.bindings, this.middlewares];
    for (const blocks of all) blocks.delete(name);
  }

  close(): void {
    for (const configuration of this.configurations.values()) unsubscribeAll(configuration);
    for (const { binding } of this.bindings.values()) binding.close();
  }
}

function unsubscribeAll({ store, subscriptions }: NamedConfiguration): void {
  for (const id of subscriptions) store.unsubscribe(id);
  subscriptions.clear();
}
