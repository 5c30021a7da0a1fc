import type { Component } from './component';
import type { Resources } from './load';

/** What a sidecar has that is given no folder: a broker and a store in memory, under the names that `dapr init` gives its own. */
export function inMemoryResources(): Resources {
  const component = (name: string, type: string): Component => ({
    file: 'in memory',
    name,
    type,
    version: 'v1',
    metadata: new Map(),
    scopes: [],
    ignoreErrors: false,
  });
  return {
    components: [component('pubsub', 'pubsub.in-memory'), component('statestore', 'state.in-memory')],
    resiliencies: [],
    subscriptions: [],
  };
}
