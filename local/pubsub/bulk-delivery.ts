import { randomUUID } from 'node:crypto';
import type { Message } from '../brokers/broker';
import { normalizePath } from '../invocation/target';
import { withFloat64 } from '../json/float64';
import { isJsonObject, type JsonObject, type JsonValue, member, parseJson } from '../json/parse';
import { stringifyJson } from '../json/stringify';
import { type DeliveryContext, giveUpOn, isRaw, metadataHeaders, prepare } from './delivery';

/** One message of a batch. `failure` is undefined when the message is finished. */
interface Entry {
  id: string;
  message: Message;
  event: JsonObject;
  failure: string | undefined;
}

/**
 * Delivers several messages with one request for each path. The app answers with a status for each message. Failed
 * messages are delivered again as the policy says. After the last attempt, they go to the dead-letter topic.
 * https://docs.dapr.io/developing-applications/building-blocks/pubsub/pubsub-bulk/
 *
 * @throws {Error} when a dead letter cannot be stored or `signal` is aborted; all messages then stay in the broker
 */
export async function deliverBulk(
  messages: readonly Message[],
  context: DeliveryContext,
  signal: AbortSignal,
): Promise<void> {
  const { policy, subscription } = context;
  const byPath = new Map<string, Entry[]>();
  for (const message of messages) {
    const { event, path, refused } = prepare(message, subscription);
    if (path === undefined) await giveUpOn(message, event, refused, context);
    else byPath.set(path, [...(byPath.get(path) ?? []), { id: randomUUID(), message, event, failure: '' }]);
  }
  for (const [path, entries] of byPath) {
    const batchId = randomUUID();
    let left = entries;
    try {
      await policy(async (attemptSignal) => {
        await attempt(path, batchId, left, context, attemptSignal);
        left = left.filter(({ failure }) => failure !== undefined);
        if (left.length > 0) throw new Error(`${left.length} of ${entries.length} messages failed`);
      }, signal);
    } catch (error) {
      if (signal.aborted || context.isStopping()) throw error;
      for (const { message, event, failure } of left) {
        await giveUpOn(message, event, failure || (error as Error).message, context);
      }
    }
  }
}

async function attempt(
  path: string,
  batchId: string,
  entries: readonly Entry[],
  context: DeliveryContext,
  signal: AbortSignal,
): Promise<void> {
  const { app, subscription, tracing } = context;
  const { pubsubName, topic } = subscription;
  const raw = isRaw(subscription);
  const contentType = raw ? 'application/octet-stream' : 'application/cloudevents+json';
  const items = entries.map(({ id, message, event }) => {
    const shown = stringifyJson(raw ? message.data.toString('base64') : withFloat64(event));
    const metadata = stringifyJson(message.metadata ? Object.fromEntries(message.metadata) : null);
    return `{"entryId":"${id}","event":${shown},"metadata":${metadata},"contentType":"${contentType}"}`;
  });
  const rest = {
    id: batchId,
    metadata: { pubsubName },
    pubsubname: pubsubName,
    topic,
    type: 'com.dapr.event.sent.bulk',
  };
  const body = `{"entries":[${items.join(',')}],${stringifyJson(rest).slice(1)}`;
  const last = entries.at(-1)?.event;
  const headers = {
    ...metadataHeaders(new Map([['pubsubName', pubsubName]])),
    ...tracing.deliveryHeaders(last?.traceparent ?? last?.traceid),
    'content-type': 'application/json',
  };
  const answer = await app.send({
    method: 'POST',
    path: normalizePath(path),
    headers,
    body: Buffer.from(body),
    signal,
  });
  if (answer.status === 404) {
    // As in Dapr, all messages of the batch are lost. They do not go to the dead-letter topic.
    context.log.warn(`${entries.length} events of topic ${topic} are lost: the app answered 404 to a bulk delivery`);
    for (const entry of entries) entry.failure = undefined;
    return;
  }
  if (answer.status < 200 || answer.status > 299) return fail(entries, `the app answered ${answer.status}`);
  const statuses = readStatuses(answer.body);
  if (!statuses) return fail(entries, 'the answer of the app is not JSON');
  for (const entry of entries) {
    const status = statuses.get(entry.id);
    entry.failure =
      status === 'SUCCESS' || status === 'DROP' ? undefined : `the app answered with status ${status ?? 'none'}`;
    if (status === 'DROP') await giveUpOn(entry.message, entry.event, 'the app answered DROP', context);
  }
}

function fail(entries: readonly Entry[], reason: string): void {
  for (const entry of entries) entry.failure = reason;
}

/** Returns the `statuses` of an answer by entry id; undefined if the answer is not JSON. */
function readStatuses(body: Buffer): Map<string, string> | undefined {
  let answer: JsonValue;
  try {
    answer = parseJson(body.toString('utf8'));
  } catch {
    return undefined;
  }
  const statuses = isJsonObject(answer) ? member(answer, 'statuses') : undefined;
  const list = Array.isArray(statuses) ? statuses.filter(isJsonObject) : [];
  return new Map(list.map((item) => [String(member(item, 'entryId')), String(member(item, 'status') ?? '')]));
}

/** Dapr's defaults. */
const MAX_MESSAGES = 100;
const MAX_AWAIT_MS = 1_000;

/**
 * Collects messages into batches. It delivers a batch when it is full, or `maxAwaitDurationMs` after its first message.
 * As in Dapr, it delivers one batch at a time and collects the next batch meanwhile.
 */
export class Batcher {
  private pending: { message: Message; resolve: () => void; reject: (error: unknown) => void }[] = [];
  private timer: NodeJS.Timeout | undefined;
  private delivering = false;
  private readonly maxMessages: number;
  private readonly maxAwaitMs: number;

  constructor(
    { maxMessagesCount, maxAwaitDurationMs }: { maxMessagesCount: number; maxAwaitDurationMs: number },
    private readonly deliverBatch: (messages: Message[]) => Promise<void>,
  ) {
    this.maxMessages = maxMessagesCount > 0 ? maxMessagesCount : MAX_MESSAGES;
    this.maxAwaitMs = maxAwaitDurationMs > 0 ? maxAwaitDurationMs : MAX_AWAIT_MS;
  }

  /** Resolves when the batch with the message has been delivered. */
  add(message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pending.push({ message, resolve, reject });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.delivering || this.pending.length === 0) return;
    if (this.pending.length >= this.maxMessages) void this.flush();
    else this.timer ??= setTimeout(() => void this.flush(), this.maxAwaitMs);
  }

  private async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const batch = this.pending.splice(0, this.maxMessages);
    this.delivering = true;
    try {
      await this.deliverBatch(batch.map(({ message }) => message));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    this.delivering = false;
    this.schedule();
  }
}
