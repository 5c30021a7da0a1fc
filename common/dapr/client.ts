import type { Config } from '../config';
import { createPublish, type Publish } from './publish';
import { connectSidecar, SidecarError } from './sidecar';
import { createState, type State } from './state';

/** Another app may need some time for a notification. */
const DELIVERY_TIMEOUT_MS = 30_000;

const CLOUD_EVENT = { 'content-type': 'application/cloudevents+json' };

/** This service's own sidecar. */
export interface Dapr extends State {
  publish: Publish;
  /** Publishes what is a CloudEvent already; its id and its data stay. @throws {SidecarError} when it was not accepted */
  publishEvent(topic: string, event: object): Promise<void>;
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
  const sidecar = connectSidecar({ daprHttpPort, daprApiToken });
  const { http, ask } = sidecar;
  const metadata = () => ask('cannot read the metadata', async () => (await http.get<Metadata>('/metadata')).data);

  return {
    ...createState(sidecar, stateStoreName),
    publish: createPublish(sidecar, pubsubName),
    async publishEvent(topic, event) {
      await ask(`cannot publish ${topic} to ${pubsubName}`, () =>
        http.post(`/publish/${pubsubName}/${topic}`, JSON.stringify(event), { headers: CLOUD_EVENT }),
      );
    },
    async deliver(appId, route, event) {
      return ask(`cannot deliver to ${appId}`, async () => {
        const options = { headers: CLOUD_EVENT, timeout: DELIVERY_TIMEOUT_MS };
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
  };
}

function requireComponent(name: string, { components = [] }: Pick<Metadata, 'components'>): void {
  if (components.some((component) => component.name === name)) return;
  throw new SidecarError(`The Dapr sidecar has no component named ${name}.`);
}
