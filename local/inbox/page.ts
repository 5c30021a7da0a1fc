import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Chaos } from './faults';
import { HttpError, parseJson, type Route } from './http';
import type { Mail, Message, Messages } from './messages';
import { follow } from './stream';

export interface PageOptions {
  messages: Messages;
  chaos: Chaos;
  keepaliveMs: number;
  /** Where the page is; what it loads and calls is below `/~/`, which is no topic of ntfy's. */
  path: RegExp;
}

/** As many as the page shows. */
const SHOWN = 200;
/** How much of a text is shown without unfolding it. */
const PREVIEW_LENGTH = 1_000;
const MAX_SOURCE_BYTES = 256 * 1024;
/** After which a page that has lost its connection tries again. */
const RETRY_MS = 1_000;

const CSP = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ');

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Compiled code stands in dist/, which has no copy of what is not TypeScript. */
const FOLDERS = [join(__dirname, 'page'), join(__dirname, '../../../local/inbox/page')];

/**
 * The page that shows mails and pushes as they come, and the fault buttons.
 *
 * @throws when its files are not there
 */
export function pageRoutes({ messages, chaos, keepaliveMs, path }: PageOptions): Route[] {
  const folder = FOLDERS.find(existsSync);
  if (!folder) throw new Error(`the files of the inbox page are not there; looked in ${FOLDERS.join(' and ')}`);
  const asset = (name: string) => {
    const headers = { 'content-type': TYPES[name.split('.').at(-1) ?? ''] ?? '', 'content-security-policy': CSP };
    return { headers, body: readFileSync(join(folder, name)) };
  };
  const assets = new Map(readdirSync(folder).map((name) => [name, asset(name)]));

  const counts = () => ({ mails: messages.mails.size, pushes: messages.pushes.size });
  const snapshot = () => {
    const newest = [...messages.mails.newestFirst().slice(0, SHOWN), ...messages.pushes.newestFirst().slice(0, SHOWN)];
    const entries = newest.sort((a, b) => b.number - a.number).slice(0, SHOWN);
    return { chaos: chaos.triggers, counts: counts(), entries: entries.map(entry) };
  };
  const event = (name: string, data: object) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

  /** Begins with all there is to show: so a page that comes back, even to another inbox, misses and doubles nothing. */
  const start = (send: (text: string) => void) => {
    send(`retry: ${RETRY_MS}\n${event('snapshot', snapshot())}`);
    const stops = [
      chaos.listen(() => send(event('chaos', chaos.triggers))),
      messages.listen((change) => {
        if ('arrived' in change) send(event('arrival', { counts: counts(), entry: entry(change.arrived) }));
        else send(event('snapshot', snapshot()));
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  };

  return [
    { methods: ['GET'], path, handler: () => assets.get('page.html') ?? {} },
    {
      methods: ['GET'],
      path: /^\/~\/([a-z]+\.[a-z]+)$/,
      handler: ({ params: [name = ''] }) => {
        const found = assets.get(name);
        if (!found) throw new HttpError(404, 'page not found', 40401);
        return found;
      },
    },
    {
      methods: ['GET'],
      path: /^\/~\/events$/,
      handler: () => ({
        headers: { 'content-type': 'text/event-stream; charset=utf-8' },
        stream: (response) => follow(response, { keepalive: () => ': still here\n\n', everyMs: keepaliveMs, start }),
      }),
    },
    {
      methods: ['GET'],
      path: /^\/~\/(mails|pushes)\/([A-Za-z0-9]+)$/,
      handler: ({ params: [box = '', id = ''] }) => {
        const message = box === 'mails' ? messages.mails.get(id) : messages.pushes.get(id);
        if (!message) throw new HttpError(404, 'it is not in the inbox any more');
        return { body: { parts: parts(message) } };
      },
    },
    {
      methods: ['PUT'],
      path: /^\/~\/chaos$/,
      handler: ({ body }) => {
        chaos.set(parseJson(body));
        return { status: 204 };
      },
    },
    {
      methods: ['DELETE'],
      path: /^\/~\/messages$/,
      handler: () => {
        messages.removeAll();
        return { status: 204 };
      },
    },
  ];
}

/** What the page shows of a message while it is folded. */
function entry(message: Message): object {
  const { number, kind, again, receivedAt: time } = message;
  const common = { number, kind, again, time };
  if (message.kind === 'push') {
    const { id, sequence_id, topic, title = '', message: text } = message.ntfy;
    return { ...common, path: `/~/pushes/${message.id}`, to: topic, title, text, id: sequence_id ?? id };
  }
  const { id, messageId, subject, text, from } = message;
  const to = recipients(message).join(', ');
  const preview = text.length > PREVIEW_LENGTH ? `${text.slice(0, PREVIEW_LENGTH)}…` : text;
  return { ...common, path: `/~/mails/${id}`, to, from: from.Address, title: subject, text: preview, id: messageId };
}

const recipients = ({ to, cc, bcc }: Mail): string[] => [...to, ...cc, ...bcc].map(({ Address }) => Address);

function parts(message: Message): { name: string; text: string }[] {
  if (message.kind === 'push') return [{ name: 'Message', text: JSON.stringify(message.ntfy, undefined, 2) }];
  const html = message.html ? [{ name: 'HTML part, as text', text: message.html.slice(0, MAX_SOURCE_BYTES) }] : [];
  const cut = message.raw.length > MAX_SOURCE_BYTES ? `\n… ${message.raw.length} bytes in all` : '';
  return [...html, { name: 'Source', text: message.raw.subarray(0, MAX_SOURCE_BYTES).toString() + cut }];
}
