import { getOrCreate } from '../get-or-create';
import type { Broker, BrokerSubscription, Message, MessageHandler, SubscribeOptions } from './broker';

/** The concurrency limit of one subscription. More deliveries would only wait inside the app. */
const MAX_CONCURRENT = 100;

/** The number of messages that a topic keeps for later groups after all existing groups have finished them. */
const RETAINED = 10_000;

/**
 * A broker in the memory of this process, which several sidecars can share. Each topic is a log. Each group reads it
 * from the beginning, so that a subscriber may start after the publisher. All messages are lost when the process exits.
 */
export class InMemoryBroker implements Broker {
  readonly capabilities = ['SUBSCRIBE_WILDCARDS'];
  /** The same as in daprd's in-memory broker. */
  readonly maxBulkEntries = 1;
  private readonly topics = new Map<string, Topic>();

  async publish(topic: string, message: Message): Promise<void> {
    this.topic(topic).append(message);
  }

  async subscribe({ topic, group, handler }: SubscribeOptions): Promise<BrokerSubscription> {
    return this.topic(topic).group(group).add(handler);
  }

  /** The number of unfinished deliveries in all groups. */
  get unfinished(): number {
    let count = 0;
    for (const topic of this.topics.values()) count += topic.unfinished;
    return count;
  }

  async close(): Promise<void> {}

  private topic(name: string): Topic {
    return getOrCreate(this.topics, name, () => new Topic());
  }
}

/** The messages of a topic, oldest first. `first` is the number of the oldest message that the topic keeps. */
class Topic {
  private messages: Message[] = [];
  private first = 0;
  private readonly groups = new Map<string, Group>();

  get end(): number {
    return this.first + this.messages.length;
  }

  get unfinished(): number {
    let count = 0;
    for (const group of this.groups.values()) count += group.unfinished;
    return count;
  }

  at(number: number): Message | undefined {
    return this.messages[number - this.first];
  }

  append(message: Message): void {
    this.messages.push(message);
    for (const group of this.groups.values()) group.deliver();
    // One trim removes many messages, so that the average cost of a publish does not depend on the topic's length.
    if (this.messages.length >= 2 * RETAINED) this.trim();
  }

  group(name: string): Group {
    return getOrCreate(this.groups, name, () => new Group(this, this.first));
  }

  private trim(): void {
    let keepFrom = this.end - RETAINED;
    for (const group of this.groups.values()) keepFrom = Math.min(keepFrom, group.next);
    if (keepFrom <= this.first) return;
    this.messages = this.messages.slice(keepFrom - this.first);
    this.first = keepFrom;
  }
}

interface Member {
  handler: MessageHandler;
  busy: number;
  /** Called when the last message in flight is finished. */
  onIdle: () => void;
}

/** The subscriptions that share the messages of a topic. */
class Group {
  private readonly members: Member[] = [];
  /** The messages that a handler has rejected. */
  private readonly returned: Message[] = [];
  private inFlight = 0;

  constructor(
    private readonly topic: Topic,
    /** The number of the next message that the group has not received. */
    public next: number,
  ) {}

  get unfinished(): number {
    return this.members.length === 0 ? 0 : this.inFlight + this.returned.length + this.topic.end - this.next;
  }

  add(handler: MessageHandler): BrokerSubscription {
    const member: Member = { handler, busy: 0, onIdle: () => {} };
    this.members.push(member);
    this.deliver();
    return {
      stop: async () => {
        const index = this.members.indexOf(member);
        if (index >= 0) this.members.splice(index, 1);
        if (member.busy === 0) return;
        await new Promise<void>((resolve) => {
          member.onIdle = resolve;
        });
      },
    };
  }

  /** Delivers messages to the least busy member until there are no more messages or all members are at their limit. */
  deliver(): void {
    for (;;) {
      const member = this.leastBusy();
      if (!member) return;
      const message = this.returned.shift() ?? this.topic.at(this.next++);
      if (!message) {
        this.next -= 1;
        return;
      }
      void this.deliverTo(member, message);
    }
  }

  private async deliverTo(member: Member, message: Message): Promise<void> {
    member.busy += 1;
    this.inFlight += 1;
    try {
      await member.handler(message);
    } catch {
      this.returned.push(message);
    }
    member.busy -= 1;
    this.inFlight -= 1;
    if (member.busy === 0) member.onIdle();
    this.deliver();
  }

  private leastBusy(): Member | undefined {
    let best: Member | undefined;
    for (const member of this.members) {
      if (member.busy < MAX_CONCURRENT && (!best || member.busy < best.busy)) best = member;
    }
    return best;
  }
}
