import type { Chaos } from './faults';
import { type Answer, type Call, HttpError, type Route } from './http';
import type { Messages } from './messages';
import { type NtfyMessage, type PushContent, readJsonPublish, readPublish } from './push';
import { past, readSubscription } from './push-subscription';
import { randomId } from './random-id';
import { follow } from './stream';

export interface PushApiOptions {
  messages: Messages;
  chaos: Chaos;
  keepaliveMs: number;
}

/** `open` and `keepalive` tell a reader that the stream is alive. */
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

/** The part of ntfy's API that publishes and reads messages, with ntfy's names. */
export function pushRoutes({ messages, chaos, keepaliveMs }: PushApiOptions): Route[] {
  const publish =
    (read: (call: Call) => PushContent) =>
    (call: Call): Answer => {
      const { ErrorCode } = chaos.triggers.Push;
      if (chaos.strikes('Push')) throw new HttpError(ErrorCode, 'refused on purpose (Push)');
      return { body: messages.addPush(read(call)).ntfy };
    };

  const subscribe = (call: Call): Answer => {
    const [topic = '', format = ''] = call.params;
    const { type, write } = FORMATS[format] ?? { type: '', write: () => '' };
    const subscription = readSubscription(call);
    const old = () => past(subscription, messages.pushes.oldestFirst()).map(write);
    if (subscription.poll) return { headers: { 'content-type': type }, body: old().join('') };
    const sign = (event: 'open' | 'keepalive') =>
      write({ id: randomId(12), time: Math.floor(Date.now() / 1000), event, topic });
    return {
      headers: { 'content-type': type },
      stream: (response) =>
        follow(response, {
          keepalive: () => sign('keepalive'),
          everyMs: keepaliveMs,
          start: (send) => {
            // Together with listening, so that nothing falls in between.
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

/** An error as ntfy writes it. */
export function ntfyError({ status, message, code }: HttpError): object {
  return { code: code ?? status * 100, http: status, error: message };
}
