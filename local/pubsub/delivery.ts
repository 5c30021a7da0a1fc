import type { AppAnswer, AppChannel } from '../app-channel';
import type { Message } from '../brokers/broker';
import { isJsonObject, type JsonObject, parseWholeJson } from '../json/parse';
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
  /** Stores a message on the subscription's dead-letter topic. */
  publish: (topic: string, message: Message) => Promise<void>;
}

/** The app wants no more of this event: 404 or DROP. */
class Dropped extends Error {}

/**
 * Delivers one message to the app, as often as the policy says, and resolves when that is over. What fails for good
 * goes to the dead-letter topic; without one it is gone, which is how Dapr has it.
 *
 * @throws {Error} when the dead letter cannot be stored, or when `signal` is aborted between two attempts: the message
 *   then stays with the broker
 */
export async function deliver(message: Message, context: DeliveryContext, signal: AbortSignal): Promise<void> {
  const { subscription, log, policy } = context;
  const { pubsubName, topic, deadLetterTopic } = subscription;
  const metadata = new Map(message.metadata).set('pubsubName', pubsubName);
  let eventId = 'without id';

  const giveUp = async (reason: string): Promise<void> => {
    if (deadLetterTopic !== '') await context.publish(deadLetterTopic, { data: message.data, metadata });
    const where = deadLetterTopic === '' ? 'lost: there is no deadLetterTopic' : `now on ${deadLetterTopic}`;
    log.warn(`event ${eventId} of topic ${topic} is ${where} (${reason})`);
  };

  let event: JsonObject = {};
  let path: string | undefined;
  let refused: string | undefined;
  try {
    event = readEvent(message, subscription);
    if (typeof event.id === 'string') eventId = event.id;
    if (hasExpired(event)) refused = 'it has expired';
    else path = subscription.route(event);
  } catch (error) {
    refused = (error as Error).message;
  }
  if (path === undefined) return giveUp(refused ?? 'no routing rule matches');

  const data = isRaw(subscription) ? Buffer.from(stringifyJson(event)) : message.data;
  const headers = deliveryHeaders(metadata);
  const attempt = async (attemptSignal: AbortSignal) => {
    const answer = await context.app.send({
      method: 'POST',
      path,
      headers: {
        ...headers,
        ...context.tracing.deliveryHeaders(event.traceparent ?? event.traceid),
        'content-type': 'application/cloudevents+json',
      },
      body: data,
      signal: attemptSignal,
    });
    check(answer);
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

/** Whether the subscription takes messages as they are, without looking for a CloudEvent in them. */
export const isRaw = ({ metadata }: Subscription): boolean =>
  /^(1|t|true)$/i.test(lookup(metadata, 'rawPayload') ?? '');

/** The event in a message. @throws {Error} when there is none */
export function readEvent({ data }: Message, subscription: Subscription): JsonObject {
  if (isRaw(subscription)) return wrapRaw(data, subscription.topic, subscription.pubsubName);
  const event = parseWholeJson(data.toString('utf8'));
  if (event === null) return Object.create(null);
  if (!isJsonObject(event)) throw new Error('the message is not a CloudEvent');
  return event;
}

/** The publisher's metadata, as headers of the delivery. What cannot be a header is left out. */
export function deliveryHeaders(metadata: ReadonlyMap<string, string>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of metadata) {
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(name) && !/[^\t\x20-\x7e\x80-\xff]/.test(value))
      headers[name.toLowerCase()] = value;
  }
  return headers;
}

/** What the app's answer means. @throws {Dropped} for 404 and DROP, {Error} for what may be tried again */
function check({ status, body }: AppAnswer): void {
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
    const answer: unknown = JSON.parse(body.toString('utf8'));
    if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return '';
    const { status } = answer as { status?: unknown };
    return typeof status === 'string' ? status : '';
  } catch {
    return '';
  }
}
