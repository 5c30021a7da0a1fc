import type { Subscription } from '../pubsub/subscriptions';
import { noSuchPath } from './errors';
import { json, noContent, type Route } from './router';

/** The version of Dapr whose behaviour the sidecar keeps to. */
export const RUNTIME_VERSION = '1.18.3';

export interface MetadataDependencies {
  appId: string;
  appPort: number | undefined;
  components: () => { name: string; type: string; version: string; capabilities: readonly string[] }[];
  subscriptions: () => readonly Subscription[];
}

/** `GET /v1.0/metadata` and `PUT /v1.0/metadata/{key}`. https://docs.dapr.io/reference/api/metadata_api/ */
export function metadataRoutes({ appId, appPort, components, subscriptions }: MetadataDependencies): Route[] {
  const extended = new Map<string, string>([['daprRuntimeVersion', RUNTIME_VERSION]]);
  return [
    {
      methods: ['GET'],
      prefix: '/v1.0/metadata',
      handler: ({ rest }) => {
        if (rest !== '' && rest !== '/') throw noSuchPath();
        return json(200, {
          id: appId,
          runtimeVersion: RUNTIME_VERSION,
          enabledFeatures: ['HotReload', 'WorkflowsRemoteActivityReminder'],
          ...listed(
            'components',
            components().map(({ capabilities, ...rest }) => ({ ...rest, ...listed('capabilities', capabilities) })),
          ),
          extended: Object.fromEntries(extended),
          ...listed('subscriptions', subscriptions().map(describe)),
          appConnectionProperties: {
            ...(appPort !== undefined && { port: appPort }),
            protocol: 'http',
            channelAddress: '127.0.0.1',
          },
          actorRuntime: { runtimeStatus: 'DISABLED', hostReady: false, placement: 'placement: disconnected' },
        });
      },
    },
    {
      methods: ['PUT'],
      prefix: '/v1.0/metadata/',
      handler: ({ rest, body }) => {
        if (rest === '') throw noSuchPath();
        extended.set(decodeURIComponent(rest), body.toString('utf8'));
        return noContent;
      },
    },
  ];
}

/** Dapr leaves empty lists out. */
const listed = (name: string, list: readonly unknown[]) => (list.length === 0 ? {} : { [name]: list });

const describe = ({ pubsubName, topic, metadata, rules, deadLetterTopic, type }: Subscription) => ({
  pubsubname: pubsubName,
  topic,
  ...(metadata.size > 0 && { metadata: Object.fromEntries(metadata) }),
  rules: rules.map(({ match, path }) => (match === '' ? { path } : { match, path })),
  deadLetterTopic,
  type,
});
