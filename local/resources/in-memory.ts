import type { Component } from './component';
import type { Resources } from './load';

/**
 * Returns the resources of a sidecar without resource folders: an in-memory broker and store. They have the names of
 * the components that `dapr init` creates.
 */
export function inMemoryResources(): Resources {
  const component = (name: string, type: string): Component => ({
    file: 'in memory',
    name,
    type,
    version: 'v1',
    metadata: new Map(),
    secretNames: new Map(),
    secretStore: '',
    topicPrefix: '',
    scopes: [],
    ignoreErrors: false,
  });
  return {
    components: [component('pubsub', 'pubsub.in-memory'), component('statestore', 'state.in-memory')],
    resiliencies: [],
    subscriptions: [],
    endpoints: [],
  };
}
