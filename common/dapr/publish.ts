import { isAxiosError } from 'axios';
import type { Trace } from '../http/trace-context';
import { batched } from './batched';
import { type Sidecar, SidecarError } from './sidecar';

/** An event to publish: its topic, its data, and the CloudEvent fields that the publisher chooses. */
export interface Publication {
  topic: string;
  data: object;
  id: string;
  type: string;
  trace: Trace;
}

/** Resolves after the broker has accepted the event. @throws {SidecarError} when it has not, or when its answer is lost */
export type Publish = (publication: Publication) => Promise<void>;

/** The largest number of events in one request. */
const MAX_EVENTS = 100;

/** Dapr's answer when the broker accepted only some events of a request. It lists the events that failed. */
interface PartialFailure {
  failedEntries: { entryId: string; error?: string }[];
}

/**
 * Returns a function that publishes one event. A single event gets a request; events that arrive during a request
 * share the next one. https://docs.dapr.io/reference/api/pubsub_api/
 */
export function createPublish({ http, request }: Sidecar, pubsubName: string): Publish {
  const purpose = (topic: string) => `cannot publish ${topic} to ${pubsubName}`;

  async function publishOne({ topic, data, id, type, trace }: Publication): Promise<void> {
    const { traceparent, tracestate } = trace;
    await request(purpose(topic), () =>
      http.post(`/publish/${pubsubName}/${topic}`, data, {
        params: { 'metadata.cloudevent.id': id, 'metadata.cloudevent.type': type },
        headers: { traceparent, ...(tracestate !== undefined && { tracestate }) },
      }),
    );
  }

  async function publishMany(topic: string, publications: readonly Publication[]): Promise<(undefined | Error)[]> {
    const entries = publications.map(({ data, id, type, trace: { traceparent, tracestate } }, index) => ({
      entryId: String(index),
      event: data,
      contentType: 'application/json',
      metadata: {
        'cloudevent.id': id,
        'cloudevent.type': type,
        // Without these two, Dapr gives every event the trace of this request.
        'cloudevent.traceparent': traceparent,
        ...(tracestate !== undefined && { 'cloudevent.tracestate': tracestate }),
      },
    }));
    const { data } = await request(purpose(topic), () =>
      http.post<PartialFailure | ''>(`/publish/bulk/${pubsubName}/${topic}`, entries).catch(partialFailure),
    );
    const failed = new Map(data ? data.failedEntries.map(({ entryId, error }) => [entryId, error]) : []);
    return entries.map(({ entryId }) =>
      failed.has(entryId) ? new SidecarError(`${purpose(topic)}: ${failed.get(entryId)}`) : undefined,
    );
  }

  const publishers = new Map<string, Publish>();
  return (publication) => {
    const { topic } = publication;
    let publish = publishers.get(topic);
    if (!publish) {
      publish = batched(async (publications) => {
        const [first, ...more] = publications;
        if (first && more.length === 0) return [await publishOne(first)];
        return publishMany(topic, publications);
      }, MAX_EVENTS);
      publishers.set(topic, publish);
    }
    return publish(publication);
  };
}

/** Returns the answer when it lists failed events. Any other error concerns all events of the request and is thrown. */
function partialFailure(error: unknown): { data: PartialFailure } {
  if (isAxiosError<Partial<PartialFailure>>(error) && Array.isArray(error.response?.data?.failedEntries))
    return error.response as { data: PartialFailure };
  throw error;
}
