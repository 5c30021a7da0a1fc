import type { MailContent } from './mail';
import type { PushContent } from './push';

/** What the inbox adds to what it was sent. */
interface Kept {
  /** Counts up, mails and pushes together: the order in which they came. */
  readonly number: number;
  readonly receivedAt: Date;
  /** Whether one with the same `sameAs` was already there. */
  readonly again: boolean;
}

export type Mail = MailContent & Kept;
export type Push = PushContent & Kept;
export type Message = Mail | Push;

export type Change = { arrived: Message } | { removed: number };

export interface Limits {
  /** How many of the newest mails are kept, and how many of the newest pushes. */
  keep: number;
  /** What all of them together may take up. */
  maxBytes: number;
}

/** The mails and pushes that came, in memory. When there are too many or they are too big, the oldest go. */
export class Messages {
  readonly mails = new Box<MailContent>();
  readonly pushes = new Box<PushContent>();
  private readonly listeners = new Set<(change: Change) => void>();
  private count = 0;

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

  removeAll(): void {
    this.remove(this.mails, this.mails.ids());
    this.remove(this.pushes, this.pushes.ids());
  }

  /** Calls `listener` after each arrival and removal. Returns how to stop that. */
  listen(listener: (change: Change) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private add<C extends MailContent | PushContent>(box: Box<C>, content: C): C & Kept {
    this.count += 1;
    const again = content.sameAs !== undefined && box.has(content.sameAs);
    const message = { ...content, number: this.count, receivedAt: new Date(), again };
    box.add(message);
    while (box.size > this.limits.keep) box.removeOldest();
    while (this.mails.bytes + this.pushes.bytes > this.limits.maxBytes) this.olderBox().removeOldest();
    this.tell({ arrived: message });
    return message;
  }

  private remove<C extends MailContent | PushContent>(box: Box<C>, ids: Iterable<string>): void {
    let removed = 0;
    for (const id of ids) if (box.remove(id)) removed += 1;
    if (removed > 0) this.tell({ removed });
  }

  private olderBox(): Box<MailContent> | Box<PushContent> {
    return this.mails.oldestNumber < this.pushes.oldestNumber ? this.mails : this.pushes;
  }

  private tell(change: Change): void {
    for (const listener of this.listeners) listener(change);
  }
}

interface Content {
  id: string;
  /** What two messages share when one is the other sent twice; undefined where nothing can tell. */
  sameAs: string | undefined;
  /** About how much memory it takes. */
  bytes: number;
}

/** Messages of one kind, by id, oldest first. */
class Box<C extends Content> {
  bytes = 0;
  private readonly byId = new Map<string, C & Kept>();
  private readonly sames = new Map<string, number>();

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
    return this.sames.has(sameAs);
  }

  add(message: C & Kept): void {
    this.byId.set(message.id, message);
    this.bytes += message.bytes;
    const { sameAs } = message;
    if (sameAs !== undefined) this.sames.set(sameAs, (this.sames.get(sameAs) ?? 0) + 1);
  }

  remove(id: string): boolean {
    const message = this.byId.get(id);
    if (!message) return false;
    this.byId.delete(id);
    this.bytes -= message.bytes;
    const { sameAs } = message;
    if (sameAs === undefined) return true;
    const left = (this.sames.get(sameAs) ?? 0) - 1;
    if (left > 0) this.sames.set(sameAs, left);
    else this.sames.delete(sameAs);
    return true;
  }

  removeOldest(): void {
    for (const id of this.byId.keys()) {
      this.remove(id);
      return;
    }
  }
}
