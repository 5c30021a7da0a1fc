/** A message on a topic: the bytes for the subscriber, and the publisher's metadata if there is any. */
export interface Message {
  data: Buffer;
  metadata: ReadonlyMap<string, string> | undefined;
}

/**
 * Handles one message. If it resolves, the message is finished and is not delivered again. If it rejects, the message
 * stays in the broker and is delivered again later.
 */
export type MessageHandler = (message: Message) => Promise<void>;

export interface SubscribeOptions {
  topic: string;
  /** Subscriptions with the same group share the messages of the topic. Each group gets all messages. */
  group: string;
  handler: MessageHandler;
}

export interface BrokerSubscription {
  /** Accepts no more messages. Resolves when the messages in flight are finished. */
  stop(): Promise<void>;
}

/** The message broker of one pub/sub component. */
export interface Broker {
  /** The capabilities that Dapr's metadata API lists for this type of component. */
  readonly capabilities: readonly string[];
  /** The maximum number of messages in one request of a bulk subscription. */
  readonly maxBulkEntries: number;
  /** Resolves when the broker has stored the message. */
  publish(topic: string, message: Message): Promise<void>;
  /** Starts with the oldest message that the group has not received. Delivers concurrently and at least once. */
  subscribe(options: SubscribeOptions): Promise<BrokerSubscription>;
  /** Closes the broker. Unfinished messages stay in the broker. */
  close(): Promise<void>;
}
