import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Faults } from './faults';
import { type Answer, type Call, HttpError, type InboxRoute, parseJsonBody } from './http';
import type { Messages } from './messages';
import { HTML_HEADERS, htmlDocument } from './page-html';
import { details } from './page-message';
import { pageEvents } from './page-stream';
import { streamTo } from './stream';

export interface PageOptions {
  messages: Messages;
  faults: Faults;
  keepaliveMs: number;
  /** The path of the page. Its files and its API are below `/~/`, which is not a valid topic of ntfy. */
  path: RegExp;
  /** Resolves with the HTML part of a mail. */
  htmlOf: (raw: Buffer) => Promise<string>;
}

/** Only the page's own files and the frame for HTML mails. A link in such a mail cannot open another site in the frame. */
const CSP = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "frame-src 'self'"],
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
export function pageRoutes({ messages, faults, keepaliveMs, path, htmlOf }: PageOptions): InboxRoute[] {
  const assets = readAssets();
  const gone = () => new HttpError(404, 'the message is no longer in the inbox');
  const find = ({ params: [box = '', id = ''] }: Call) => {
    const message = box === 'mails' ? messages.mails.get(id) : messages.pushes.get(id);
    if (!message) throw gone();
    return message;
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
      handler: ({ query }) => {
        const start = pageEvents(messages, faults, query.get('query') ?? '');
        return {
          headers: { 'content-type': 'text/event-stream; charset=utf-8' },
          stream: (response) => streamTo(response, { keepalive: () => ': keepalive\n\n', everyMs: keepaliveMs, start }),
        };
      },
    },
    {
      methods: ['GET'],
      path: /^\/~\/(mails|pushes)\/([A-Za-z0-9]+)$/,
      handler: (call) => ({ body: details(find(call)) }),
    },
    {
      methods: ['GET'],
      path: /^\/~\/(mails)\/([A-Za-z0-9]+)\/html$/,
      handler: async (call) => {
        const message = find(call);
        if (message.kind !== 'mail' || !message.html) throw gone();
        return { headers: HTML_HEADERS, body: htmlDocument(await htmlOf(message.raw)) };
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
        messages.empty();
        return { status: 204 };
      },
    },
    {
      methods: ['POST'],
      path: /^\/~\/messages\/restore$/,
      handler: () => {
        if (messages.restore() === 0) throw new HttpError(409, 'there is nothing to restore');
        return { status: 204 };
      },
    },
  ];
}

/** Returns the files of the page by name. */
function readAssets(): Map<string, Answer> {
  const folder = FOLDERS.find(existsSync);
  if (!folder) throw new Error(`the files of the inbox page are missing; expected in ${FOLDERS.join(' or ')}`);
  const asset = (name: string) => {
    const headers = { 'content-type': TYPES[name.split('.').at(-1) ?? ''] ?? '', 'content-security-policy': CSP };
    return { headers, body: readFileSync(join(folder, name)) };
  };
  return new Map(readdirSync(folder).map((name) => [name, asset(name)]));
}
