import { getOrCreate } from '../get-or-create';
import type { Broker, BrokerSubscription, Message, MessageHandler, SubscribeOptions } from './broker';

/** Deliveries that one subscription has under way at a time. More would only queue up inside the app. */
const CONCURRENCY = 100;

/** Messages that a topic keeps for groups that have yet to come, once every group it has is done with them. */
const RETAINED = 10_000;

/**
 * A broker in this process, shared by every sidecar that is given the same one. Each topic is a log that groups read
 * on their own, from its beginning, so that a subscriber may come after the publisher. It ends with the process.
 */
export class InMemoryBroker implements Broker {
  readonly capabilities = ['SUBSCRIBE_WILDCARDS'];
  /** As with daprd's in-memory broker, although ours delivers several messages at a time. */
  readonly maxBulkEntries = 1;
  private readonly topics = new Map<string, Topic>();

  async publish(topic: string, message: Message): Promise<void> {
    this.topic(topic).append(message);
  }

  async subscribe({ topic, group, handler }: SubscribeOptions): Promise<BrokerSubscription> {
    return this.topic(topic).group(group).add(handler);
  }

  /** How many messages some group has not finished. */
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

/** The messages of a topic, oldest first. `first` is the number of the oldest one that is still kept. */
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
    // Cutting many at a time keeps the cost of a publish the same however long the topic is.
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
  /** Called when the last message under way is finished, once the member has left. */
  onIdle: () => void;
}

/** The readers of a topic that share its messages. */
class Group {
  private readonly members: Member[] = [];
  /** Messages that a handler gave back. */
  private readonly returned: Message[] = [];
  private underWay = 0;

  constructor(
    private readonly topic: Topic,
    /** The number of the next message that nobody in the group has had. */
    public next: number,
  ) {}

  get unfinished(): number {
    return this.members.length === 0 ? 0 : this.underWay + this.returned.length + this.topic.end - this.next;
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

  /** Hands out messages while there are any and a member has room, to the least busy one first. */
  deliver(): void {
    for (;;) {
      const member = this.leastBusy();
      if (!member) return;
      const message = this.returned.shift() ?? this.topic.at(this.next++);
      if (!message) {
        this.next -= 1;
        return;
      }
      void this.hand(message, member);
    }
  }

  private async hand(message: Message, member: Member): Promise<void> {
    member.busy += 1;
    this.underWay += 1;
    try {
      await member.handler(message);
    } catch {
      this.returned.push(message);
    }
    member.busy -= 1;
    this.underWay -= 1;
    if (member.busy === 0) member.onIdle();
    this.deliver();
  }

  private leastBusy(): Member | undefined {
    let best: Member | undefined;
    for (const member of this.members) {
      if (member.busy < CONCURRENCY && (!best || member.busy < best.busy)) best = member;
    }
    return best;
  }
}
