import type { AppChannel } from '../app-channel';
import type { Message } from '../brokers/broker';
import type { HttpAnswer } from '../http-request';
import { normalizePath } from '../invocation/target';
import { isJsonObject, type JsonObject, member, parseJson, parseWholeJson } from '../json/parse';
import { stringifyJson } from '../json/stringify';
import type { Log } from '../log';
import { type Policy, StatusError } from '../resiliency/policy';
import type { Tracing } from '../tracing';
import { hasExpired, lookup, wrapRaw } from './envelope';
import type { Subscription } from './subscriptions';

/** What a delivery needs to know besides the message. */
export interface DeliveryContext {
  app: AppChannel;
  subscription: Subscription;
  /** The inbound policy of the pub/sub component. */
  policy: Policy;
  tracing: Tracing;
  log: Log;
  /** Stores a message on a topic of the same component. */
  publish: (topic: string, message: Message) => Promise<void>;
}

/** The app wants no more of this event: 404 or DROP. */
class Dropped extends Error {}

/**
 * Delivers one message to the app, as often as the policy says, and resolves when that is over. What fails for good
 * goes to the dead-letter topic; without one it is gone, which is how Dapr has it.
 *
 * @throws {Error} when the dead letter cannot be stored, or when `signal` is aborted: the message then stays with the
 *   broker
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
  try {
    // DROP is an outcome, not a failure: a policy must neither repeat it nor count it.
    const dropped = await policy((s) => attempt(s).then(() => undefined, onlyDropped), signal);
    if (dropped) await giveUp(dropped.message);
  } catch (error) {
    if (signal.aborted) throw error;
    await giveUp((error as Error).message);
  }
}

function onlyDropped(error: unknown): Dropped {
  if (error instanceof Dropped) return error;
  throw error;
}

/** The last stop of a message: the dead-letter topic if there is one, and in any case a line in the log. */
export async function giveUpOn(
  message: Message,
  event: JsonObject,
  reason: string,
  { subscription, publish, log }: DeliveryContext,
): Promise<void> {
  const { topic, deadLetterTopic } = subscription;
  if (deadLetterTopic !== '') await publish(deadLetterTopic, message);
  const where = deadLetterTopic === '' ? 'lost, for there is no deadLetterTopic' : `now on ${deadLetterTopic}`;
  log.warn(`event ${JSON.stringify(event.id ?? 'without id')} of topic ${topic} is ${where}: ${reason}`);
}

/** An event and the path of the app it goes to; no path, and why not, when it goes nowhere. */
export type Prepared =
  | { event: JsonObject; path: string; refused?: undefined }
  | { event: JsonObject; path: undefined; refused: string };

export function prepare(message: Message, subscription: Subscription): Prepared {
  let event: JsonObject = {};
  try {
    event = readEvent(message, subscription);
    if (hasExpired(event)) return { event, path: undefined, refused: 'it has expired' };
    const path = subscription.route(event);
    return path === undefined ? { event, path, refused: 'no routing rule matches' } : { event, path };
  } catch (error) {
    return { event, path: undefined, refused: (error as Error).message };
  }
}

/** Whether the subscription takes messages as they are, without looking for a CloudEvent in them. */
export const isRaw = ({ metadata }: Subscription): boolean =>
  /^(1|t|true)$/i.test(lookup(metadata, 'rawPayload') ?? '');

function readEvent({ data }: Message, subscription: Subscription): JsonObject {
  if (isRaw(subscription)) return wrapRaw(data, subscription.topic, subscription.pubsubName);
  const event = parseWholeJson(data.toString('utf8'));
  if (event === null) return {};
  if (!isJsonObject(event)) throw new Error('the message is not a CloudEvent');
  return event;
}

/** The publisher's metadata, as headers of the delivery. */
export const metadataHeaders = (metadata: ReadonlyMap<string, string>): Record<string, string> =>
  // Go sends the bytes of a header value as they are; Node takes each character for a byte.
  Object.fromEntries([...metadata].map(([name, value]) => [name.toLowerCase(), Buffer.from(value).toString('latin1')]));

/** What the app's answer means. @throws {Dropped} for 404 and DROP, {Error} for what may be tried again */
function check({ status, body }: HttpAnswer): void {
  if (status === 404) throw new Dropped('the app answered 404');
  if (status < 200 || status > 299) throw new StatusError(status, `the app answered ${status}`);
  const said = readStatus(body);
  if (said === 'DROP') throw new Dropped('the app answered DROP');
  if (said !== '' && said !== 'SUCCESS') throw new Error(`the app answered with status ${said}`);
}

/** The `status` of an answer's body; empty when there is none or the body is something else, which counts as success. */
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
