import type { Broker } from '../brokers/broker';
import { stringifyJson } from '../json/stringify';
import { createEnvelope, EnvelopeError } from '../pubsub/envelope';
import type { TopicScopes } from '../pubsub/scopes';
import type { Policy } from '../resiliency/policy';
import type { Tracing } from '../tracing';
import { type ApiError, noSuchPath, pubsubError, pubsubNotFound } from './errors';
import { type ApiRequest, type Handler, noContent, type Route, splitOnce } from './router';

/** A pub/sub component as the API sees it. */
export interface Pubsub {
  name: string;
  broker: Broker;
  /** The outbound policy. */
  policy: Policy;
  scopes: TopicScopes;
}

export interface PublishDependencies {
  appId: string;
  pubsubs: ReadonlyMap<string, Pubsub>;
  tracing: Tracing;
}

/** `POST /v1.0/publish/{pubsub}/{topic}`. https://docs.dapr.io/reference/api/pubsub_api/#publish-a-message-to-a-given-topic */
export function publishRoute({ appId, pubsubs, tracing }: PublishDependencies): Route {
  const handler: Handler = async (request) => {
    const { pubsub, topic } = target(request.rest, pubsubs);
    const metadata = metadataOf(request.query);
    const { headers } = request;
    const trace = tracing.request(header(headers.traceparent), header(headers.tracestate));
    let { body } = request;
    if (!readRawPayload(metadata, pubsub.name)) {
      const contentType = headers['content-type'] ?? '';
      const publication = { pubsubName: pubsub.name, topic, contentType, data: body, source: appId, ...trace };
      try {
        body = Buffer.from(stringifyJson(createEnvelope(publication, metadata)));
      } catch (error) {
        if (!(error instanceof EnvelopeError)) throw error;
        throw cloudEventError(pubsub.name, appId, error.message);
      }
    }
    if (!pubsub.scopes.mayPublish(topic)) throw publishForbidden(pubsub.name, topic, appId);
    try {
      await pubsub.policy(() => pubsub.broker.publish(topic, { data: body, metadata }));
    } catch (error) {
      throw publishFailed(pubsub.name, topic, (error as Error).message);
    }
    return { ...noContent, headers: tracing.responseHeaders(trace) };
  };
  const tooLarge = ({ rest }: { rest: string }) => {
    const { pubsub, topic } = target(rest, pubsubs);
    return publishFailed(pubsub.name, topic, 'stream too large');
  };
  return { methods: ['POST', 'PUT'], prefix: '/v1.0/publish/', handler, tooLarge };
}

/** The component and the topic that a path names; a topic may hold slashes. @throws {ApiError} */
export function target(rest: string, pubsubs: ReadonlyMap<string, Pubsub>): { pubsub: Pubsub; topic: string } {
  const [name, topic] = splitOnce(rest, '/').map(decode);
  if (!name || !topic) throw noSuchPath();
  const pubsub = pubsubs.get(name);
  if (!pubsub) throw pubsubNotFound(name);
  return { pubsub, topic };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** `?metadata.NAME=VALUE`, as a map without the prefix. */
export function metadataOf(query: ApiRequest['query']): Map<string, string> {
  const metadata = new Map<string, string>();
  for (const [name, value] of query)
    if (name.startsWith('metadata.')) metadata.set(name.slice('metadata.'.length), value);
  return metadata;
}

/** Whether the body is stored as it is, without an envelope. @throws {ApiError} for a value that is no boolean */
export function readRawPayload(metadata: ReadonlyMap<string, string>, pubsubName: string): boolean {
  const value = metadata.get('rawPayload');
  if (value === undefined || value === '') return false;
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  const message = `failed deserializing metadata. Error: rawPayload value must be a valid boolean: actual is '${value}'`;
  const all = Object.fromEntries(metadata);
  throw pubsubError(
    400,
    'ERR_PUBSUB_REQUEST_METADATA',
    pubsubName,
    message,
    'DAPR_PUBSUB_METADATA_DESERIALIZATION',
    all,
  );
}

export const cloudEventError = (pubsubName: string, appID: string, error: string): ApiError =>
  pubsubError(
    500,
    'ERR_PUBSUB_CLOUD_EVENTS_SER',
    pubsubName,
    'cannot create cloudevent',
    'DAPR_PUBSUB_CLOUD_EVENT_CREATION',
    {
      appID,
      error,
    },
  );

export function publishForbidden(pubsubName: string, topic: string, appID: string): ApiError {
  const message = `topic ${topic} is not allowed for app id ${appID}`;
  return pubsubError(403, 'ERR_PUBSUB_FORBIDDEN', pubsubName, message, 'DAPR_PUBSUB_FORBIDDEN', {
    error: message,
    topic,
  });
}

export function publishFailed(pubsubName: string, topic: string, error: string): ApiError {
  const message = `error when publishing to topic ${topic} in pubsub ${pubsubName}: ${error}`;
  const info = { error, topic };
  return pubsubError(500, 'ERR_PUBSUB_PUBLISH_MESSAGE', pubsubName, message, 'DAPR_PUBSUB_PUBLISH_MESSAGE', info);
}

export const header = (value: string | string[] | undefined): string => (typeof value === 'string' ? value : '');
