import type { Config } from '../config';
import { NotReady } from '../http/health';
import { createPublish, type Publish } from './publish';
import { connectSidecar } from './sidecar';
import { createState, type State } from './state';

/** How long another app may take to handle an event. */
const DELIVERY_TIMEOUT_MS = 30_000;

const CLOUD_EVENT = { 'content-type': 'application/cloudevents+json' };

/** A subscription as an app declares it on `/dapr/subscribe`. */
export interface DeclaredSubscription {
  topic: string;
  route: string;
}

/** A client of this service's sidecar. */
export interface Dapr extends State {
  publish: Publish;
  /**
   * Publishes a complete CloudEvent as it is. Its `topic` keeps the topic on which the event was first published.
   *
   * @throws {SidecarError} when the broker has not accepted the event, and also when its answer is lost
   */
  publishUnchanged(topic: string, event: object): Promise<void>;
  /**
   * Resolves with the subscriptions that another app declares.
   *
   * @throws {UnreachableApp} when the app cannot be reached
   * @throws {SidecarError} when its answer is an error
   */
  subscriptionsOf(appId: string): Promise<DeclaredSubscription[]>;
  /** Posts an event to a route of another app, such as '/followerAdded', and resolves with the answer. Throws as `subscriptionsOf` does. */
  deliver(appId: string, route: string, event: unknown): Promise<unknown>;
  /** Tells the sidecar to finish its deliveries and exit. @throws {SidecarError} */
  shutDown(): Promise<void>;
  /** Resolves when the sidecar has loaded the pub/sub component. @throws {NotReady} that names the missing part */
  readyToPublish(): Promise<void>;
  /**
   * Resolves when the sidecar has subscribed this app to every topic, and has loaded the pub/sub component and
   * `components`, by default the state store.
   *
   * @throws {NotReady} that names the missing part
   */
  readyToReceive(topics: readonly string[], components?: readonly string[]): Promise<void>;
}

interface Metadata {
  components?: { name: string }[];
  subscriptions?: { pubsubname: string; topic: string }[];
}

/** Returns a client of the Dapr HTTP API on loopback. https://docs.dapr.io/reference/api/ */
export function createDapr({
  daprHttpPort,
  daprApiToken,
  pubsubName,
  stateStoreName,
}: Pick<Config, 'daprHttpPort' | 'daprApiToken' | 'pubsubName' | 'stateStoreName'>): Dapr {
  const sidecar = connectSidecar({ daprHttpPort, daprApiToken });
  const { http, request } = sidecar;
  const metadata = () =>
    request('cannot read the metadata', async () => (await http.get<Metadata>('/metadata')).data).catch(
      (error: Error) => {
        throw new NotReady('The Dapr sidecar is not ready.', error.message, { cause: error });
      },
    );

  return {
    ...createState(sidecar, stateStoreName),
    publish: createPublish(sidecar, pubsubName),
    async publishUnchanged(topic, event) {
      // Without rawPayload, Dapr would overwrite the event's `topic`.
      const options = { headers: CLOUD_EVENT, params: { 'metadata.rawPayload': 'true' } };
      await request(`cannot publish ${topic} to ${pubsubName}`, () =>
        http.post(`/publish/${pubsubName}/${topic}`, JSON.stringify(event), options),
      );
    },
    async subscriptionsOf(appId) {
      return request(`cannot read the subscriptions of ${appId}`, async () => {
        const { data } = await http.get<DeclaredSubscription[]>(`/invoke/${appId}/method/dapr/subscribe`);
        return data;
      });
    },
    async deliver(appId, route, event) {
      return request(`cannot deliver to ${appId}`, async () => {
        const options = { headers: CLOUD_EVENT, timeout: DELIVERY_TIMEOUT_MS };
        return (await http.post(`/invoke/${appId}/method${route}`, JSON.stringify(event), options)).data;
      });
    },
    async shutDown() {
      await request('cannot shut down', () => http.post('/shutdown'));
    },
    async readyToPublish() {
      requireComponent('pub/sub component', pubsubName, await metadata());
    },
    // One invalid subscription makes Dapr drop all of an app's subscriptions, and the sidecar still reports healthy.
    async readyToReceive(topics, components = [stateStoreName]) {
      const { subscriptions = [], ...loaded } = await metadata();
      // daprd also lists a subscription whose component does not exist.
      requireComponent('pub/sub component', pubsubName, loaded);
      for (const name of components) requireComponent('state store', name, loaded);
      for (const topic of topics) {
        if (subscriptions.some((s) => s.pubsubname === pubsubName && s.topic === topic)) continue;
        const reason = `The Dapr sidecar has no subscription to ${topic} on ${pubsubName}.`;
        throw new NotReady('The subscriptions are not ready.', reason);
      }
    },
  };
}

function requireComponent(part: string, name: string, { components = [] }: Pick<Metadata, 'components'>): void {
  if (components.some((component) => component.name === name)) return;
  throw new NotReady(`The ${part} is not ready.`, `The Dapr sidecar has no component named ${name}.`);
}
