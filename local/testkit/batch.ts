import type { AppRequest } from '../app-channel';
import type { HttpAnswer } from '../http-request';
import { readable, readEvent, type TopicEvent } from './event';

interface Batch {
  entries: { entryId: string; event: unknown }[];
}

/** Returns the entries of a bulk delivery; undefined for a delivery of one event. */
function readEntries({ body }: AppRequest): Batch['entries'] | undefined {
  const value = Buffer.isBuffer(body) ? (readable(body) as Partial<Batch & { type: string }> | null) : undefined;
  return value?.type === 'com.dapr.event.sent.bulk' && Array.isArray(value.entries) ? value.entries : undefined;
}

/** Returns the events in a request to the app. */
export function readBatch(request: AppRequest, topic: string, pubsubName: string): TopicEvent[] {
  const entries = readEntries(request);
  if (!entries) return [readEvent(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0), topic, pubsubName)];
  return entries.map(({ event }) => {
    // With rawPayload, the event is the message in base64.
    const bytes = typeof event === 'string' ? Buffer.from(event, 'base64') : Buffer.from(JSON.stringify(event));
    return readEvent(bytes, topic, pubsubName);
  });
}

/** Returns what the app has answered for each event of a request. */
export function statusesOf({ body }: HttpAnswer, request: AppRequest): unknown[] {
  const answer = body.length === 0 ? undefined : readable(body);
  const entries = readEntries(request);
  if (!entries) return [answer];
  const statuses = (answer as { statuses?: { entryId?: string }[] } | undefined)?.statuses;
  const list = Array.isArray(statuses) ? statuses : [];
  return entries.map(({ entryId }) => list.find((status) => status?.entryId === entryId));
}
