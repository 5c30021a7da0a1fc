import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Faults } from './faults';
import { HttpError, type InboxRoute, parseJsonBody } from './http';
import type { InboxMessage, Mail, Messages } from './messages';
import { streamTo } from './stream';

export interface PageOptions {
  messages: Messages;
  faults: Faults;
  keepaliveMs: number;
  /** The path of the page. Its files and its API are below `/~/`, which is not a valid topic of ntfy. */
  path: RegExp;
}

/** The number of messages that the page shows; `list.mjs` has the same limit. */
const SHOWN = 200;
/** The length of the text in the list. */
const PREVIEW_LENGTH = 1_000;
const MAX_SOURCE_BYTES = 256 * 1024;
/** The time after which a page reconnects. */
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

/** The folder of the page, for TypeScript and for compiled code in dist/, which has no copy of the page. */
const FOLDERS = [join(__dirname, 'page'), join(__dirname, '../../../local/inbox/page')];

/**
 * Returns the routes of the page, which shows messages as they arrive and has buttons for faults.
 *
 * @throws {Error} when the files of the page are missing
 */
export function pageRoutes({ messages, faults, keepaliveMs, path }: PageOptions): InboxRoute[] {
  const folder = FOLDERS.find(existsSync);
  if (!folder) throw new Error(`the files of the inbox page are missing; expected in ${FOLDERS.join(' or ')}`);
  const asset = (name: string) => {
    const headers = { 'content-type': TYPES[name.split('.').at(-1) ?? ''] ?? '', 'content-security-policy': CSP };
    return { headers, body: readFileSync(join(folder, name)) };
  };
  const assets = new Map(readdirSync(folder).map((name) => [name, asset(name)]));

  const counts = () => ({ mails: messages.mails.size, pushes: messages.pushes.size });
  const snapshot = () => {
    const newest = [...messages.mails.newestFirst().slice(0, SHOWN), ...messages.pushes.newestFirst().slice(0, SHOWN)];
    const entries = newest.sort((a, b) => b.number - a.number).slice(0, SHOWN);
    return { faults: faults.triggers, counts: counts(), entries: entries.map(entry) };
  };
  const event = (name: string, data: object) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

  /**
   * Sends a snapshot first, so that a page that reconnects, even to another inbox, shows every message exactly once.
   */
  const start = (send: (text: string) => void) => {
    send(`retry: ${RETRY_MS}\n${event('snapshot', snapshot())}`);
    const stops = [
      faults.listen(() => send(event('faults', faults.triggers))),
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
        stream: (response) => streamTo(response, { keepalive: () => ': keepalive\n\n', everyMs: keepaliveMs, start }),
      }),
    },
    {
      methods: ['GET'],
      path: /^\/~\/(mails|pushes)\/([A-Za-z0-9]+)$/,
      handler: ({ params: [box = '', id = ''] }) => {
        const message = box === 'mails' ? messages.mails.get(id) : messages.pushes.get(id);
        if (!message) throw new HttpError(404, 'the message is no longer in the inbox');
        return { body: { parts: parts(message) } };
      },
    },
    {
      methods: ['PUT'],
      path: /^\/~\/faults$/,
      handler: ({ body }) => {
        faults.set(parseJsonBody(body));
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

/** Returns the fields of a message that the list shows. */
function entry(message: InboxMessage): object {
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

function parts(message: InboxMessage): { name: string; text: string }[] {
  if (message.kind === 'push') return [{ name: 'Message', text: JSON.stringify(message.ntfy, undefined, 2) }];
  const html = message.html ? [{ name: 'HTML part, as text', text: message.html.slice(0, MAX_SOURCE_BYTES) }] : [];
  const cut = message.raw.length > MAX_SOURCE_BYTES ? `\n… ${message.raw.length} bytes in all` : '';
  return [...html, { name: 'Source', text: message.raw.subarray(0, MAX_SOURCE_BYTES).toString() + cut }];
}
