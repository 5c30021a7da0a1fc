import type { Message } from '../brokers/broker';
import type { HttpAnswer } from '../http-request';
import { normalizePath } from '../invocation/target';
import { isJsonObject, type JsonObject, member, parseJson, parseWholeJson } from '../json/parse';
import { stringifyJson } from '../json/stringify';
import type { Log } from '../log';
import type { DeliveryTarget } from '../probe';
import { type Policy, StatusError } from '../resiliency/policy';
import type { Tracing } from '../tracing';
import { hasExpired, lookup, wrapRaw } from './envelope';
import type { Subscription } from './subscriptions';

/** The context of the deliveries of one subscription. */
export interface DeliveryContext {
  app: DeliveryTarget;
  subscription: Subscription;
  /** The inbound policy of the pub/sub component. */
  policy: Policy;
  tracing: Tracing;
  log: Log;
  /** Stores a message on a topic of the same component. */
  publish: (topic: string, message: Message) => Promise<void>;
  /** Returns whether the subscription stops. As in Dapr, an event that then still fails stays in the broker. */
  isStopping: () => boolean;
}

/** The app has refused the event for good: it has answered 404 or DROP. */
class Dropped extends Error {}

/**
 * Delivers one message to the app, with the retries of the policy. Resolves when the message is finished. After the
 * last attempt, the message goes to the dead-letter topic. As in Dapr, it is lost if there is no dead-letter topic.
 *
 * @throws {Error} when the dead letter cannot be stored; the broker decides what happens to the message
 * @throws {Error} when the last attempt has failed during a stop, or `signal` is aborted; the message stays in the broker
 */
export async function deliver(message: Message, context: DeliveryContext, signal: AbortSignal): Promise<void> {
  const { app, subscription, tracing, policy } = context;
  const metadata = new Map(message.metadata).set('pubsubName', subscription.pubsubName);
  const { event, path, refused } = prepare(message, subscription);
  const giveUp = (reason: string) => giveUpOn({ data: message.data, metadata }, event, reason, context);
  if (path === undefined) return giveUp(refused);

  const headers = { ...metadataHeaders(metadata), 'content-type': 'application/cloudevents+json' };
  const body = isRaw(subscription) ? Buffer.from(stringifyJson(event)) : message.data;
  const attempt = async (attemptSignal: AbortSignal) => {
    const trace = tracing.deliveryHeaders(event.traceparent ?? event.traceid);
    check(
      await app.send({
        method: 'POST',
        path: normalizePath(path),
        headers: { ...headers, ...trace },
        body,
        signal: attemptSignal,
      }),
    );
  };
  // DROP is a failure for the policy only if its dead letter cannot be stored. The app then gets the event again.
  const attemptOrDrop = async (attemptSignal: AbortSignal) => {
    try {
      await attempt(attemptSignal);
    } catch (error) {
      if (!(error instanceof Dropped)) throw error;
      await giveUp(error.message);
    }
  };
  try {
    await policy(attemptOrDrop, signal);
  } catch (error) {
    if (signal.aborted || context.isStopping()) throw error;
    await giveUp((error as Error).message);
  }
}

/** Moves a message to the dead-letter topic, if there is one, and logs the reason. */
export async function giveUpOn(
  message: Message,
  event: JsonObject,
  reason: string,
  { subscription, publish, log }: DeliveryContext,
): Promise<void> {
  const { topic, deadLetterTopic } = subscription;
  if (deadLetterTopic !== '') await publish(deadLetterTopic, message);
  const outcome =
    deadLetterTopic === '' ? 'is lost because there is no deadLetterTopic' : `is moved to topic ${deadLetterTopic}`;
  log.warn(`event ${JSON.stringify(event.id ?? 'without id')} of topic ${topic} ${outcome}: ${reason}`);
}

/** An event and its path in the app, or the reason why it has no path. */
export type Prepared =
  | { event: JsonObject; path: string; refused?: undefined }
  | { event: JsonObject; path: undefined; refused: string };

/** Returns the event of a message with its path. It does not throw: an invalid event has no path. */
export function prepare(message: Message, subscription: Subscription): Prepared {
  let event: JsonObject = {};
  try {
    event = readEvent(message, subscription);
    if (hasExpired(event)) return { event, path: undefined, refused: 'the event has expired' };
    const path = subscription.route(event);
    return path === undefined ? { event, path, refused: 'no routing rule matches' } : { event, path };
  } catch (error) {
    return { event, path: undefined, refused: (error as Error).message };
  }
}

/** Returns whether the subscription has `rawPayload`: it accepts any message, not only CloudEvents. */
export const isRaw = ({ metadata }: Subscription): boolean =>
  /^(1|t|true)$/i.test(lookup(metadata, 'rawPayload') ?? '');

function readEvent({ data }: Message, subscription: Subscription): JsonObject {
  if (isRaw(subscription)) return wrapRaw(data, subscription.topic, subscription.pubsubName);
  const event = parseWholeJson(data.toString('utf8'));
  if (event === null) return {};
  if (!isJsonObject(event)) throw new Error('the message is not a CloudEvent');
  return event;
}

/** Returns the publisher's metadata as headers of the delivery. */
export const metadataHeaders = (metadata: ReadonlyMap<string, string>): Record<string, string> =>
  // Go sends a header value as UTF-8. Node sends each character as one byte, so the bytes become characters here.
  Object.fromEntries([...metadata].map(([name, value]) => [name.toLowerCase(), Buffer.from(value).toString('latin1')]));

/** Checks the app's answer. @throws {Dropped} for 404 and DROP @throws {Error} for a failure that may be retried */
function check({ status, body }: HttpAnswer): void {
  if (status === 404) throw new Dropped('the app answered 404');
  if (status < 200 || status > 299) throw new StatusError(status, `the app answered ${status}`);
  const bodyStatus = readStatus(body);
  if (bodyStatus === 'DROP') throw new Dropped('the app answered DROP');
  if (bodyStatus !== '' && bodyStatus !== 'SUCCESS') throw new Error(`the app answered with status ${bodyStatus}`);
}

/** Returns the `status` in the body of an answer; empty if there is none, which counts as success. */
function readStatus(body: Buffer): string {
  if (body.length === 0) return '';
  try {
    const answer = parseJson(body.toString('utf8'));
    const status = isJsonObject(answer) ? member(answer, 'status') : undefined;
    return typeof status === 'string' ? status : '';
  } catch {
    return '';
  }
}
