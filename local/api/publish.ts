import type { Broker, Message } from '../brokers/broker';
import { stringifyJson } from '../json/stringify';
import { createEnvelope, EnvelopeError, type Publication } from '../pubsub/envelope';
import type { TopicScopes } from '../pubsub/scopes';
import type { Policy } from '../resiliency/policy';
import type { Tracing } from '../tracing';
import { type ApiError, pubsubError, pubsubNotFound } from './errors';
import { type ApiRoute, type Handler, header, metadataOf, noContent } from './router';

/** A pub/sub component of the sidecar. */
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

/** Returns the route `POST /v1.0/publish/{pubsub}/{topic}`. https://docs.dapr.io/reference/api/pubsub_api/#publish-a-message-to-a-given-topic */
export function publishRoute({ appId, pubsubs }: PublishDependencies): ApiRoute {
  const handler: Handler = async ({ params: { name = '', topic = '' }, query, headers, body, trace }) => {
    const pubsub = findPubsub(pubsubs, name);
    const metadata = metadataOf(query);
    const contentType = header(headers['content-type']);
    const publication = { pubsubName: name, topic, contentType, data: body, source: appId, ...trace };
    const data = isRawPayload(metadata, name) ? body : wrap(publication, metadata);
    await publishTo(pubsub, topic, { data, metadata }, appId);
    return noContent;
  };
  const tooLarge = ({ name = '', topic = '' }: Record<string, string>) => {
    findPubsub(pubsubs, name);
    return publishFailed(name, topic, 'stream too large');
  };
  return { methods: ['POST', 'PUT'], pattern: 'v1.0/publish/:name/*topic', handler, tooLarge };
}

/** Returns the pub/sub component with this name. @throws {ApiError} if there is none */
export function findPubsub(pubsubs: ReadonlyMap<string, Pubsub>, name: string): Pubsub {
  const pubsub = pubsubs.get(name);
  if (!pubsub) throw pubsubNotFound(name);
  return pubsub;
}

/**
 * Stores a message under the component's policy.
 *
 * @throws {ApiError} when the scopes forbid it, or when the broker does not store the message
 */
export async function publishTo(pubsub: Pubsub, topic: string, message: Message, appId: string): Promise<void> {
  if (!pubsub.scopes.mayPublish(topic)) throw publishForbidden(pubsub.name, topic, appId);
  try {
    await pubsub.policy(() => pubsub.broker.publish(topic, message));
  } catch (error) {
    throw publishFailed(pubsub.name, topic, (error as Error).message);
  }
}

/** Returns the CloudEvent to store. @throws {ApiError} when the data is declared as a CloudEvent and is not one */
export function wrap(publication: Publication, metadata: ReadonlyMap<string, string>): Buffer {
  try {
    return Buffer.from(stringifyJson(createEnvelope(publication, metadata)));
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    const { pubsubName, source: appID } = publication;
    const info = { appID, error: error.message };
    const [code, reason] = ['ERR_PUBSUB_CLOUD_EVENTS_SER', 'DAPR_PUBSUB_CLOUD_EVENT_CREATION'];
    throw pubsubError(500, code, pubsubName, 'cannot create cloudevent', reason, info);
  }
}

/** Returns whether the body is stored without an envelope. @throws {ApiError} for a value that is not a boolean */
export function isRawPayload(metadata: ReadonlyMap<string, string>, pubsubName: string): boolean {
  const value = metadata.get('rawPayload') ?? '';
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(|0|f|F|FALSE|false|False)$/.test(value)) return false;
  const message = `failed deserializing metadata. Error: rawPayload value must be a valid boolean: actual is '${value}'`;
  const [code, reason] = ['ERR_PUBSUB_REQUEST_METADATA', 'DAPR_PUBSUB_METADATA_DESERIALIZATION'];
  throw pubsubError(400, code, pubsubName, message, reason, Object.fromEntries(metadata));
}

export function publishForbidden(pubsubName: string, topic: string, appId: string): ApiError {
  const message = `topic ${topic} is not allowed for app id ${appId}`;
  const info = { error: message, topic };
  return pubsubError(403, 'ERR_PUBSUB_FORBIDDEN', pubsubName, message, 'DAPR_PUBSUB_FORBIDDEN', info);
}

export function publishFailed(pubsubName: string, topic: string, error: string): ApiError {
  const message = `error when publishing to topic ${topic} in pubsub ${pubsubName}: ${error}`;
  const info = { error, topic };
  return pubsubError(500, 'ERR_PUBSUB_PUBLISH_MESSAGE', pubsubName, message, 'DAPR_PUBSUB_PUBLISH_MESSAGE', info);
}
