import { isAxiosError } from 'axios';
import type { Trace } from '../http/trace-context';
import { together } from './batched';
import { type Sidecar, SidecarError } from './sidecar';

/** An event that goes to a topic, and what its CloudEvent says besides. */
export interface Publication {
  topic: string;
  data: object;
  id: string;
  type: string;
  trace: Trace;
}

/** Resolves once the broker has the event. @throws {SidecarError} when it was not accepted */
export type Publish = (publication: Publication) => Promise<void>;

/** Events in one request. */
const MOST = 100;

/** What Dapr answers when it could not publish all events of a request: those that it does not name, it published. */
interface Partly {
  failedEntries: { entryId: string; error?: string }[];
}

/** Publishes an event in a request of its own; those that come while one is under way go out together after it. */
export function createPublish({ http, ask }: Sidecar, pubsubName: string): Publish {
  const asked = (topic: string) => `cannot publish ${topic} to ${pubsubName}`;

  async function publishOne({ topic, data, id, type, trace }: Publication): Promise<void> {
    const { traceparent, tracestate } = trace;
    await ask(asked(topic), () =>
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
        // Dapr would give all of them the trace of this one request.
        'cloudevent.traceparent': traceparent,
        ...(tracestate !== undefined && { 'cloudevent.tracestate': tracestate }),
      },
    }));
    const { data } = await ask(asked(topic), () =>
      http.post<Partly | ''>(`/publish/bulk/${pubsubName}/${topic}`, entries).catch(answeredPartly),
    );
    const failed = new Map(data ? data.failedEntries.map(({ entryId, error }) => [entryId, error]) : []);
    return entries.map(({ entryId }) =>
      failed.has(entryId) ? new SidecarError(`${asked(topic)}: ${failed.get(entryId)}`) : undefined,
    );
  }

  const topics = new Map<string, Publish>();
  return (publication) => {
    const { topic } = publication;
    let publish = topics.get(topic);
    if (!publish) {
      publish = together(async (publications) => {
        const [first, ...more] = publications;
        if (first && more.length === 0) return [await publishOne(first)];
        return publishMany(topic, publications);
      }, MOST);
      topics.set(topic, publish);
    }
    return publish(publication);
  };
}

/** The answer of a request some of whose events were published. Any other error is one of them all. */
function answeredPartly(error: unknown): { data: Partly } {
  if (isAxiosError<Partial<Partly>>(error) && Array.isArray(error.response?.data?.failedEntries))
    return error.response as { data: Partly };
  throw error;
}
