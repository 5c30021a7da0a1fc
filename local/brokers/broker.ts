/** What is stored on a topic: the bytes that a subscriber will see, and the publisher's metadata if there was any. */
export interface Message {
  data: Buffer;
  metadata: ReadonlyMap<string, string> | undefined;
}

/**
 * Works on one message. Once it resolves the message is done, whatever came of it, and is not delivered again.
 * When it rejects the message stays with the broker, for whoever comes next.
 */
export type MessageHandler = (message: Message) => Promise<void>;

export interface SubscribeOptions {
  topic: string;
  /** Subscriptions of one group share the topic's messages; each group gets them all. */
  group: string;
  handler: MessageHandler;
}

export interface BrokerSubscription {
  /** Takes no more messages. Resolves when those it had taken are finished. */
  stop(): Promise<void>;
}

/** A message broker as a sidecar uses it: one pub/sub component. A third kind is one more file beside this one. */
export interface Broker {
  /** What Dapr's metadata API lists for a component of this type. */
  readonly capabilities: readonly string[];
  /** How many messages a bulk subscription gets in one request at the most. */
  readonly maxBulkEntries: number;
  /** Resolves once the broker has the message. */
  publish(topic: string, message: Message): Promise<void>;
  /** Starts with the oldest message the group has not seen. Delivers concurrently and at least once. */
  subscribe(options: SubscribeOptions): Promise<BrokerSubscription>;
  /** Gives up what is not finished: it stays with the broker. */
  close(): Promise<void>;
}
