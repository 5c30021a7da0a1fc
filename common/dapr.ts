import { Agent } from 'node:http';
import axios, { isAxiosError } from 'axios';
import type { Config } from './config';
import type { Trace } from './trace-context';

/** The sidecar, or what stands behind it, did not do what it was asked. The message says what was asked and what came back. */
export class SidecarError extends Error {}

/** Another app could not be found or reached. Dapr finds apps by multicast, which now and then misses one that is there. */
export class UnreachableApp extends SidecarError {}

// Longer than the 1.7 s that daprd takes to say that its Redis is down, so that its answer is seen and not our own timeout.
const TIMEOUT_MS = 5_000;

/** Another app may need some time for a notification. */
const DELIVERY_TIMEOUT_MS = 30_000;

export interface CloudEventAttributes {
  id: string;
  type: string;
}

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

/** This service's own sidecar. */
export interface Dapr {
  /** Resolves once the broker has the event. @throws {SidecarError} when it was not accepted */
  publish(topic: string, data: object, attributes: CloudEventAttributes, trace: Trace): Promise<void>;
  /**
   * Hands an event to another app through its sidecar and resolves with the app's answer.
   *
   * @throws {UnreachableApp} when the app cannot be reached
   * @throws {SidecarError} when it answers with an error
   */
  deliver(appId: string, route: string, event: unknown): Promise<unknown>;
  /** Has the sidecar finish what is under way and end. @throws {SidecarError} */
  shutDown(): Promise<void>;
  /** Resolves when the sidecar has loaded the pub/sub component. @throws {SidecarError} with what is missing */
  readyToPublish(): Promise<void>;
  /** Resolves when the sidecar has subscribed this app to the topic and loaded the components. @throws {SidecarError} with what is missing */
  readyToReceive(topic: string, components?: readonly string[]): Promise<void>;
  /** This service's own value; other services have keys of their own. @throws {SidecarError} */
  getState(key: string): Promise<StateItem | undefined>;
  /**
   * Saves a value unless somebody else has been faster: of any number of callers at a time one succeeds.
   *
   * @throws {SidecarError} when it was not saved, and also when nobody knows whether it was: read it back. That the key
   * was taken cannot be told from that the store is down, for Dapr answers 500 to both on Redis.
   */
  saveState(key: string, value: object, options: SaveOptions): Promise<void>;
  /** @throws {SidecarError} when the value is another one by now, or the store is down */
  deleteState(key: string, etag: string): Promise<void>;
}

interface Metadata {
  components?: { name: string }[];
  subscriptions?: { pubsubname: string; topic: string }[];
}

/** A client of the Dapr HTTP API on loopback. https://docs.dapr.io/reference/api/ */
export function createDapr({
  daprHttpPort,
  daprApiToken,
  pubsubName,
  stateStoreName,
}: Pick<Config, 'daprHttpPort' | 'daprApiToken' | 'pubsubName' | 'stateStoreName'>): Dapr {
  const http = axios.create({
    baseURL: `http://127.0.0.1:${daprHttpPort}/v1.0`,
    headers: daprApiToken ? { 'dapr-api-token': daprApiToken } : {},
    timeout: TIMEOUT_MS,
    httpAgent: new Agent({ keepAlive: true }),
    proxy: false, // the sidecar is on loopback: a proxy set for the rest of the world is not for it
    maxRedirects: 0,
  });

  async function ask<T>(what: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      const message = `${what}: ${reason(error)} (Dapr sidecar on port ${daprHttpPort})`;
      const unreachable = isAxiosError(error) && error.response?.data?.errorCode === 'ERR_DIRECT_INVOKE';
      throw new (unreachable ? UnreachableApp : SidecarError)(message, { cause: error });
    }
  }

  const metadata = () => ask('cannot read the metadata', async () => (await http.get<Metadata>('/metadata')).data);
  const state = `/state/${stateStoreName}`;

  return {
    async publish(topic, data, { id, type }, { traceparent, tracestate }) {
      await ask(`cannot publish ${topic} to ${pubsubName}`, () =>
        http.post(`/publish/${pubsubName}/${topic}`, data, {
          params: { 'metadata.cloudevent.id': id, 'metadata.cloudevent.type': type },
          headers: { traceparent, ...(tracestate !== undefined && { tracestate }) },
        }),
      );
    },
    async deliver(appId, route, event) {
      return ask(`cannot deliver to ${appId}`, async () => {
        const headers = { 'content-type': 'application/cloudevents+json' };
        const options = { headers, timeout: DELIVERY_TIMEOUT_MS };
        return (await http.post(`/invoke/${appId}/method/${route}`, JSON.stringify(event), options)).data;
      });
    },
    async shutDown() {
      await ask('cannot shut down', () => http.post('/shutdown'));
    },
    async readyToPublish() {
      requireComponent(pubsubName, await metadata());
    },
    // One bad subscription loses all of an app's subscriptions while the sidecar's own health stays green.
    async readyToReceive(topic, components = [stateStoreName]) {
      const { subscriptions = [], ...loaded } = await metadata();
      for (const name of components) requireComponent(name, loaded);
      if (subscriptions.some((s) => s.pubsubname === pubsubName && s.topic === topic)) return;
      throw new SidecarError(`The Dapr sidecar has no subscription to ${topic} on ${pubsubName}.`);
    },
    async getState(key) {
      return ask(`cannot read ${key} from ${stateStoreName}`, async () => {
        const { status, data, headers } = await http.get(`${state}/${encodeURIComponent(key)}`);
        return status === 204 ? undefined : { value: data, etag: String(headers.etag ?? '') };
      });
    },
    async saveState(key, value, { etag, ttlSeconds }) {
      // Always first-write: a key that was saved otherwise could be taken by a second caller on Redis.
      const options = { concurrency: 'first-write' };
      const item = { key, value, ...(etag !== undefined && { etag }), options };
      const metadata = ttlSeconds === undefined ? {} : { ttlInSeconds: String(ttlSeconds) };
      await ask(`cannot save ${key} to ${stateStoreName}`, () => http.post(state, [{ ...item, metadata }]));
    },
    async deleteState(key, etag) {
      await ask(`cannot delete ${key} from ${stateStoreName}`, () =>
        http.delete(`${state}/${encodeURIComponent(key)}`, {
          headers: { 'if-match': etag },
          params: { concurrency: 'first-write' },
        }),
      );
    },
  };
}

function requireComponent(name: string, { components = [] }: Pick<Metadata, 'components'>): void {
  if (components.some((component) => component.name === name)) return;
  throw new SidecarError(`The Dapr sidecar has no component named ${name}.`);
}

/** Dapr's errors are JSON with `errorCode` and `message`; a refused token is plain text. */
function reason(error: unknown): string {
  if (!isAxiosError(error)) return String(error);
  if (!error.response) return error.code ? `${error.code} ${error.message}` : error.message;
  const { errorCode, message } = (error.response.data ?? {}) as { errorCode?: string; message?: string };
  return `${error.response.status} ${errorCode ?? ''} ${message ?? ''}`.trimEnd();
}
