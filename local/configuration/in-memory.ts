import { randomUUID } from 'node:crypto';

/** A configuration item. */
export interface ConfigurationItem {
  value: string;
  version?: string;
}

/** Items by key. A removed item is an empty object. */
export type ConfigurationItems = Record<string, ConfigurationItem | Record<string, never>>;

/** Called with the changed items. */
export type ConfigurationListener = (id: string, items: ConfigurationItems) => void;

interface ConfigurationSubscription {
  /** Empty: all keys. */
  keys: ReadonlySet<string>;
  listener: ConfigurationListener;
}

/**
 * A configuration store in the memory of this process, which several sidecars can share. daprd has no such store. The
 * answers are those of daprd with `configuration.redis`.
 */
export class InMemoryConfiguration {
  readonly block = 'configuration';
  readonly capabilities: readonly string[] = [];
  private readonly items = new Map<string, ConfigurationItem>();
  private readonly subscriptions = new Map<string, ConfigurationSubscription>();

  /** Returns the items with these keys; all items if `keys` is empty. */
  get(keys: readonly string[]): Record<string, ConfigurationItem> {
    const wanted = keys.length === 0 ? [...this.items.keys()] : keys;
    const found = wanted.flatMap((key) => {
      const item = this.items.get(key);
      return item ? [[key, item] as const] : [];
    });
    return Object.fromEntries(found);
  }

  /** Sets an item, or removes it if `item` is undefined. Each subscription to the key gets the change. */
  set(key: string, item: ConfigurationItem | undefined): void {
    if (item) this.items.set(key, item);
    else this.items.delete(key);
    for (const [id, { keys, listener }] of this.subscriptions) {
      if (keys.size === 0 || keys.has(key)) listener(id, { [key]: item ?? {} });
    }
  }

  /** Adds items that are not there yet. */
  setDefaults(items: ReadonlyMap<string, string>): void {
    for (const [key, value] of items) if (!this.items.has(key)) this.items.set(key, { value });
  }

  /** Returns the id of a new subscription. */
  subscribe(keys: readonly string[], listener: ConfigurationListener): string {
    const id = randomUUID();
    this.subscriptions.set(id, { keys: new Set(keys), listener });
    return id;
  }

  /** @throws {Error} with daprd's reason for an unknown id */
  unsubscribe(id: string): void {
    if (!this.subscriptions.delete(id)) throw new Error(`subscription with id ${id} does not exist`);
  }
}
