import type { Broker } from './broker';

/** Returns a broker that adds `prefix` to the names of topics, where the apps do not see it. */
export function withTopicPrefix(broker: Broker, prefix: string): Broker {
  if (prefix === '') return broker;
  return {
    capabilities: broker.capabilities,
    maxBulkEntries: broker.maxBulkEntries,
    publish: (topic, message) => broker.publish(prefix + topic, message),
    subscribe: (options) => broker.subscribe({ ...options, topic: prefix + options.topic }),
    close: () => broker.close(),
  };
}
