import type { AppHealthOptions } from '../app-health';
import type { Subscription } from '../pubsub/subscriptions';
import { type ApiRoute, json, noContent } from './router';

/** The version of Dapr that the sidecar imitates. */
export const RUNTIME_VERSION = '1.18.3';

export interface ComponentMetadata {
  name: string;
  type: string;
  version: string;
  capabilities: readonly string[];
}

export interface MetadataDependencies {
  appId: string;
  appPort: number | undefined;
  /** The health check of the app; undefined if there is none. */
  appHealth: AppHealthOptions | undefined;
  features: () => readonly string[];
  components: () => readonly ComponentMetadata[];
  /** The names of the Resiliency documents. */
  resiliencies: () => readonly string[];
  subscriptions: () => readonly Subscription[];
  /** The names of the HTTPEndpoint documents. */
  endpoints: () => readonly string[];
}

/** Returns the routes `GET /v1.0/metadata` and `PUT /v1.0/metadata/{key}`. https://docs.dapr.io/reference/api/metadata_api/ */
export function metadataRoutes({
  appId,
  appPort,
  appHealth,
  features,
  components,
  resiliencies,
  subscriptions,
  endpoints,
}: MetadataDependencies): ApiRoute[] {
  const extended = new Map<string, string>([['daprRuntimeVersion', RUNTIME_VERSION]]);
  return [
    {
      methods: ['GET'],
      pattern: 'v1.0/metadata',
      handler: () =>
        json(200, {
          id: appId,
          runtimeVersion: RUNTIME_VERSION,
          enabledFeatures: features(),
          ...unlessEmpty(
            'components',
            components().map(({ capabilities, version, ...component }) => ({
              ...component,
              ...(version !== '' && { version }),
              ...unlessEmpty('capabilities', capabilities),
            })),
          ),
          ...unlessEmpty(
            'resiliencies',
            resiliencies().map((name) => ({ name })),
          ),
          extended: Object.fromEntries(extended),
          ...unlessEmpty(
            'httpEndpoints',
            endpoints().map((name) => ({ name })),
          ),
          ...unlessEmpty('subscriptions', subscriptions().map(describe)),
          appConnectionProperties: {
            ...(appPort !== undefined && { port: appPort }),
            protocol: 'http',
            channelAddress: '127.0.0.1',
            ...(appHealth && { health: describeHealth(appHealth) }),
          },
          actorRuntime: { runtimeStatus: 'DISABLED', hostReady: false, placement: 'placement: disconnected' },
        }),
    },
    {
      methods: ['PUT'],
      pattern: 'v1.0/metadata/:key',
      handler: ({ params: { key = '' }, body }) => {
        extended.set(key, body.toString('utf8'));
        return noContent;
      },
    },
  ];
}

/** Returns an object with the list; empty if the list is empty, because Dapr omits empty lists. */
const unlessEmpty = (name: string, list: readonly unknown[]) => (list.length === 0 ? {} : { [name]: list });

const describeHealth = ({ path, intervalMs, timeoutMs, threshold }: AppHealthOptions) => ({
  healthCheckPath: path,
  healthProbeInterval: goDuration(intervalMs),
  healthProbeTimeout: goDuration(timeoutMs),
  healthThreshold: threshold,
});

/** Returns a duration as Go writes it. */
const goDuration = (ms: number) => (ms >= 1_000 ? `${ms / 1_000}s` : `${ms}ms`);

const describe = ({ pubsubName, topic, metadata, rules, deadLetterTopic, type }: Subscription) => ({
  pubsubname: pubsubName,
  topic,
  ...(metadata.size > 0 && { metadata: Object.fromEntries(metadata) }),
  ...unlessEmpty(
    'rules',
    rules.map(({ match, path }) => ({ ...(match !== '' && { match }), ...(path !== '' && { path }) })),
  ),
  deadLetterTopic,
  type,
});
