import { together } from './batched';
import { type Sidecar, SidecarError } from './sidecar';

/** A value of the state store. */
export interface StateItem {
  value: unknown;
  /** What the value is recognised by when it is changed. */
  etag: string;
}

export interface SaveOptions {
  /** The value that is replaced. Without one, the key must be free. */
  etag?: string | undefined;
  /** Seconds after which the key is free again. None: it stays. */
  ttlSeconds?: number;
}

/** A Dapr state store. Each service has keys of its own: Dapr puts the app id before every key. */
export interface State {
  /** @throws {SidecarError} */
  getState(key: string): Promise<StateItem | undefined>;
  /**
   * Saves a value unless somebody else has been faster: of any number of callers at a time one succeeds.
   *
   * @throws {SidecarError} when it was not saved, and also when nobody knows whether it was: read it back. That the key
   * was taken cannot be told from that the store is down, for Dapr answers 500 to both on Redis; and what is saved at
   * the same moment goes with it in one request, of which Dapr does not tell what failed.
   */
  saveState(key: string, value: object, options: SaveOptions): Promise<void>;
  /** @throws {SidecarError} when the value is another one by now, or the store is down */
  deleteState(key: string, etag: string): Promise<void>;
}

/** Keys in one request. */
const MOST = 100;

interface Save extends SaveOptions {
  key: string;
  value: object;
}

/** What Dapr answers about each key that it is asked for. */
interface BulkItem {
  key: string;
  data?: unknown;
  etag?: string;
  error?: string;
}

export function createState({ http, ask }: Sidecar, storeName: string): State {
  const path = `/state/${storeName}`;
  const naming = (keys: readonly string[]) => (keys.length === 1 ? keys[0] : `${keys.length} keys`);

  const getState = together<string, StateItem | undefined>(async (keys) => {
    const { data } = await ask(`cannot read ${naming(keys)} from ${storeName}`, () =>
      http.post<BulkItem[]>(`${path}/bulk`, { keys, parallelism: keys.length }),
    );
    // Dapr reads them side by side, and answers in any order.
    const items = new Map(data.map((item) => [item.key, item]));
    return keys.map((key) => {
      const { data: value, etag, error }: Partial<BulkItem> = items.get(key) ?? { error: 'no answer' };
      if (error) return new SidecarError(`cannot read ${key} from ${storeName}: ${error}`);
      return etag === undefined ? undefined : { value, etag };
    });
  }, MOST);

  const save = together<Save, void>(async (saves) => {
    await ask(`cannot save ${naming(saves.map(({ key }) => key))} to ${storeName}`, () =>
      http.post(
        path,
        saves.map(({ key, value, etag, ttlSeconds }) => ({
          key,
          value,
          ...(etag !== undefined && { etag }),
          // Always first-write: a key that was saved otherwise could be taken by a second caller on Redis.
          options: { concurrency: 'first-write' },
          metadata: ttlSeconds === undefined ? {} : { ttlInSeconds: String(ttlSeconds) },
        })),
      ),
    );
    return saves.map(() => undefined);
  }, MOST);

  return {
    getState,
    saveState: (key, value, options) => save({ key, value, ...options }),
    async deleteState(key, etag) {
      await ask(`cannot delete ${key} from ${storeName}`, () =>
        http.delete(`${path}/${encodeURIComponent(key)}`, {
          headers: { 'if-match': etag },
          params: { concurrency: 'first-write' },
        }),
      );
    },
  };
}
