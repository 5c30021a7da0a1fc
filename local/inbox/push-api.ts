import type { Faults } from './faults';
import { type Answer, type Call, HttpError, type InboxRoute } from './http';
import type { Messages } from './messages';
import { type NtfyMessage, type PushContent, readJsonPublish, readPublish } from './push';
import { pastMessages, readPushSubscription } from './push-subscription';
import { randomId } from './random-id';
import { streamTo } from './stream';

export interface PushApiOptions {
  messages: Messages;
  faults: Faults;
  keepaliveMs: number;
}

/** An event on a stream. `open` and `keepalive` show the reader that the stream is alive. */
type Event = NtfyMessage | { id: string; time: number; event: 'open' | 'keepalive'; topic: string };

interface Format {
  type: string;
  write: (event: Event) => string;
}

const FORMATS: Record<string, Format> = {
  json: { type: 'application/x-ndjson; charset=utf-8', write: (event) => `${JSON.stringify(event)}\n` },
  sse: {
    type: 'text/event-stream; charset=utf-8',
    write: (event) => `${event.event === 'message' ? '' : `event: ${event.event}\n`}data: ${JSON.stringify(event)}\n\n`,
  },
  raw: {
    type: 'text/plain; charset=utf-8',
    write: (event) => `${event.event === 'message' ? event.message.replaceAll('\n', ' ') : ''}\n`,
  },
};

const TOPIC = '[-_A-Za-z0-9]{1,64}';

/** Returns the routes of ntfy's API that publish and read messages. */
export function pushRoutes({ messages, faults, keepaliveMs }: PushApiOptions): InboxRoute[] {
  const publish =
    (read: (call: Call) => PushContent) =>
    (call: Call): Answer => {
      const { ErrorCode } = faults.triggers.Push;
      if (faults.occurs('Push')) throw new HttpError(ErrorCode, 'deliberate fault (Push)');
      return { body: messages.addPush(read(call)).ntfy };
    };

  const subscribe = (call: Call): Answer => {
    const [topic = '', format = ''] = call.params;
    const { type, write } = FORMATS[format] ?? { type: '', write: () => '' };
    const subscription = readPushSubscription(call);
    const old = () => pastMessages(subscription, messages.pushes.oldestFirst()).map(write);
    if (subscription.poll) return { headers: { 'content-type': type }, body: old().join('') };
    const sign = (event: 'open' | 'keepalive') =>
      write({ id: randomId(12), time: Math.floor(Date.now() / 1000), event, topic });
    return {
      headers: { 'content-type': type },
      stream: (response) =>
        streamTo(response, {
          keepalive: () => sign('keepalive'),
          everyMs: keepaliveMs,
          start: (send) => {
            // The listener is added in the same tick, so that no message is lost between them.
            send([sign('open'), ...old()].join(''));
            return messages.listen((change) => {
              if (!('arrived' in change) || change.arrived.kind !== 'push') return;
              if (subscription.wants(change.arrived.ntfy)) send(write(change.arrived.ntfy));
            });
          },
        }),
    };
  };

  return [
    { methods: ['GET'], path: /^\/v1\/health$/, handler: () => ({ body: { healthy: true } }) },
    { methods: ['POST', 'PUT'], path: /^\/$/, handler: publish(readJsonPublish) },
    { methods: ['GET'], path: new RegExp(`^/(${TOPIC}(?:,${TOPIC})*)/(json|sse|raw)$`), handler: subscribe },
    { methods: ['POST', 'PUT'], path: new RegExp(`^/(${TOPIC})(?:/(${TOPIC}))?$`), handler: publish(readPublish) },
  ];
}

/** Returns the body of an error as ntfy writes it. */
export function ntfyError({ status, message, code }: HttpError): object {
  return { code: code ?? status * 100, http: status, error: message };
}
