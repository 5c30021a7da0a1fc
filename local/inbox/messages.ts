import type { MailContent } from './mail';
import type { PushContent } from './push';

/** The fields that the inbox adds to a message. */
interface Kept {
  /** A sequence number in the order of arrival. Mails and pushes share the sequence. */
  readonly number: number;
  readonly receivedAt: Date;
  /** Whether the inbox already had a message with the same `sameAs`. */
  readonly again: boolean;
}

export type Mail = MailContent & Kept;
export type Push = PushContent & Kept;
export type InboxMessage = Mail | Push;

export type Change = { arrived: InboxMessage } | { removed: number } | { restored: number };

export interface Limits {
  /** The limit for the number of mails, and for the number of pushes. */
  keep: number;
  /** The limit for the memory of all messages together. */
  maxBytes: number;
}

/** The time in which `restore` can undo `empty`. */
const UNDO_MS = 60_000;

/** Keeps mails and pushes in memory. When a limit is exceeded, it removes the oldest. */
export class Messages {
  readonly mails = new MessageList<MailContent>();
  readonly pushes = new MessageList<PushContent>();
  private readonly listeners = new Set<(change: Change) => void>();
  private count = 0;
  /** The messages that `empty` has removed. */
  private aside: { mails: Mail[]; pushes: Push[] } = { mails: [], pushes: [] };
  private forgetTimer: NodeJS.Timeout | undefined;

  constructor(private readonly limits: Limits) {}

  addMail(content: MailContent): Mail {
    return this.add(this.mails, content);
  }

  addPush(content: PushContent): Push {
    return this.add(this.pushes, content);
  }

  removeMails(ids: Iterable<string>): void {
    this.remove(this.mails, ids);
  }

  /** Removes all messages. For a minute, `restore` brings them back. */
  empty(): void {
    const removed = this.mails.size + this.pushes.size;
    if (removed === 0) return;
    this.aside = { mails: this.mails.removeAll(), pushes: this.pushes.removeAll() };
    clearTimeout(this.forgetTimer);
    this.forgetTimer = setTimeout(() => this.forget(), UNDO_MS).unref();
    this.tell({ removed });
  }

  /** Brings back what the last `empty` has removed. Returns the number of messages; 0 if it is too late. */
  restore(): number {
    const { mails, pushes } = this.aside;
    this.forget();
    const restored = mails.length + pushes.length;
    if (restored === 0) return 0;
    this.mails.addOlder(mails);
    this.pushes.addOlder(pushes);
    this.applyLimits();
    this.tell({ restored });
    return restored;
  }

  private forget(): void {
    clearTimeout(this.forgetTimer);
    this.aside = { mails: [], pushes: [] };
  }

  /** Calls `listener` after each arrival, removal and restoration. Returns a function that removes the listener. */
  listen(listener: (change: Change) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private add<C extends MailContent | PushContent>(list: MessageList<C>, content: C): C & Kept {
    this.count += 1;
    const again = content.sameAs !== undefined && list.has(content.sameAs);
    const message = { ...content, number: this.count, receivedAt: new Date(), again };
    list.add(message);
    this.applyLimits();
    this.tell({ arrived: message });
    return message;
  }

  private applyLimits(): void {
    const { mails, pushes, limits } = this;
    for (const list of [mails, pushes]) while (list.size > limits.keep) list.removeOldest();
    while (mails.bytes + pushes.bytes > limits.maxBytes) this.olderList().removeOldest();
  }

  private remove<C extends MailContent | PushContent>(list: MessageList<C>, ids: Iterable<string>): void {
    let removed = 0;
    for (const id of ids) if (list.remove(id)) removed += 1;
    if (removed > 0) this.tell({ removed });
  }

  private olderList(): MessageList<MailContent> | MessageList<PushContent> {
    return this.mails.oldestNumber < this.pushes.oldestNumber ? this.mails : this.pushes;
  }

  private tell(change: Change): void {
    for (const listener of this.listeners) listener(change);
  }
}

interface Content {
  id: string;
  /** Two messages with the same value are one message that was sent twice. Undefined: unknown. */
  sameAs: string | undefined;
  /** The approximate memory of the message. */
  bytes: number;
}

/** The messages of one kind, by id, oldest first. */
class MessageList<C extends Content> {
  bytes = 0;
  private readonly byId = new Map<string, C & Kept>();
  private readonly sameAsCounts = new Map<string, number>();

  get size(): number {
    return this.byId.size;
  }

  get oldestNumber(): number {
    const [oldest] = this.byId.values();
    return oldest?.number ?? Number.POSITIVE_INFINITY;
  }

  get(id: string): (C & Kept) | undefined {
    return this.byId.get(id);
  }

  ids(): string[] {
    return [...this.byId.keys()];
  }

  oldestFirst(): (C & Kept)[] {
    return [...this.byId.values()];
  }

  newestFirst(): (C & Kept)[] {
    return this.oldestFirst().reverse();
  }

  has(sameAs: string): boolean {
    return this.sameAsCounts.has(sameAs);
  }

  add(message: C & Kept): void {
    this.byId.set(message.id, message);
    this.bytes += message.bytes;
    const { sameAs } = message;
    if (sameAs !== undefined) this.sameAsCounts.set(sameAs, (this.sameAsCounts.get(sameAs) ?? 0) + 1);
  }

  remove(id: string): boolean {
    const message = this.byId.get(id);
    if (!message) return false;
    this.byId.delete(id);
    this.bytes -= message.bytes;
    const { sameAs } = message;
    if (sameAs === undefined) return true;
    const left = (this.sameAsCounts.get(sameAs) ?? 0) - 1;
    if (left > 0) this.sameAsCounts.set(sameAs, left);
    else this.sameAsCounts.delete(sameAs);
    return true;
  }

  /** Removes all messages and returns them, oldest first. */
  removeAll(): (C & Kept)[] {
    const all = this.oldestFirst();
    for (const { id } of all) this.remove(id);
    return all;
  }

  /** Adds messages, oldest first, that are older than all others. */
  addOlder(older: (C & Kept)[]): void {
    for (const message of [...older, ...this.removeAll()]) this.add(message);
  }

  removeOldest(): void {
    for (const id of this.byId.keys()) {
      this.remove(id);
      return;
    }
  }
}
