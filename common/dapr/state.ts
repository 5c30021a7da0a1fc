import { batched } from './batched';
import { type Sidecar, SidecarError } from './sidecar';

/** A value in the state store. */
export interface StateItem {
  value: unknown;
  /** The version of the value. A change that names an older version fails. */
  etag: string;
}

export interface SaveOptions {
  /** The version to replace. When undefined, the save succeeds only if the key does not exist. */
  etag?: string | undefined;
  /** Time to live in seconds. When undefined, the value stays. */
  ttlSeconds?: number;
}

/** A Dapr state store. Dapr puts the app id before every key, so each service has separate keys. */
export interface State {
  /** @throws {SidecarError} when the store does not answer */
  getState(key: string): Promise<StateItem | undefined>;
  /**
   * Saves a value. Of several concurrent callers with the same etag, exactly one succeeds.
   *
   * @throws {SidecarError} when the value was not saved, and also when the result is unknown. Read the key back to
   * learn the result: on Redis, Dapr answers 500 both when the key is taken and when the store is down. Saves of the
   * same moment share one request, and Dapr does not say which key of a request failed.
   */
  saveState(key: string, value: object, options: SaveOptions): Promise<void>;
  /** Deletes the value with this etag. @throws {SidecarError} when the value has changed, or the store is down */
  deleteState(key: string, etag: string): Promise<void>;
}

/** The largest number of keys in one request. */
const MAX_KEYS = 100;

interface Save extends SaveOptions {
  key: string;
  value: object;
}

/** Dapr's answer about one key. */
interface BulkItem {
  key: string;
  data?: unknown;
  etag?: string;
  error?: string;
}

/** Returns a client of one state store. https://docs.dapr.io/reference/api/state_api/ */
export function createState({ http, request }: Sidecar, storeName: string): State {
  const path = `/state/${storeName}`;
  const describe = (keys: readonly string[]) => (keys.length === 1 ? keys[0] : `${keys.length} keys`);

  const getState = batched<string, StateItem | undefined>(async (keys) => {
    const { data } = await request(`cannot read ${describe(keys)} from ${storeName}`, () =>
      http.post<BulkItem[]>(`${path}/bulk`, { keys, parallelism: keys.length }),
    );
    // Dapr reads the keys in parallel and answers in any order.
    const items = new Map(data.map((item) => [item.key, item]));
    return keys.map((key) => {
      const { data: value, etag, error }: Partial<BulkItem> = items.get(key) ?? { error: 'no answer' };
      if (error) return new SidecarError(`cannot read ${key} from ${storeName}: ${error}`);
      return etag === undefined ? undefined : { value, etag };
    });
  }, MAX_KEYS);

  const save = batched<Save, void>(async (saves) => {
    await request(`cannot save ${describe(saves.map(({ key }) => key))} to ${storeName}`, () =>
      http.post(
        path,
        saves.map(({ key, value, etag, ttlSeconds }) => ({
          key,
          value,
          ...(etag !== undefined && { etag }),
          // On Redis, a second caller can take a key whose first save was not first-write. So every save is.
          options: { concurrency: 'first-write' },
          metadata: ttlSeconds === undefined ? {} : { ttlInSeconds: String(ttlSeconds) },
        })),
      ),
    );
    return saves.map(() => undefined);
  }, MAX_KEYS);

  return {
    getState,
    saveState: (key, value, options) => save({ key, value, ...options }),
    async deleteState(key, etag) {
      await request(`cannot delete ${key} from ${storeName}`, () =>
        http.delete(`${path}/${encodeURIComponent(key)}`, {
          headers: { 'if-match': etag },
          params: { concurrency: 'first-write' },
        }),
      );
    },
  };
}
