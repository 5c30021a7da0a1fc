import type { Faults } from './faults';
import { type Answer, type Call, HttpError, type InboxRoute, parseJsonBody } from './http';
import { headersOf } from './mail';
import { details, summary } from './mail-json';
import type { Mail, Messages } from './messages';
import { parseQuery } from './search';

const LIST_LIMIT = 50;
const OK: Answer = { headers: { 'content-type': 'text/plain' }, body: 'ok' };
const TEXT = { 'content-type': 'text/plain; charset=utf-8' };

/** Returns the routes of Mailpit's API that tests and small clients use. */
export function mailRoutes(messages: Messages, faults: Faults): InboxRoute[] {
  const { mails } = messages;
  const startedAt = Date.now();

  const find = ({ params: [id = ''], query }: Call): Mail => {
    const mail = id === 'latest' ? matching(query)[0] : mails.get(id);
    if (!mail) throw new HttpError(404, 'the mail does not exist');
    return mail;
  };
  const matching = (query: URLSearchParams): Mail[] => {
    const text = query.get('query')?.trim();
    return text ? mails.newestFirst().filter(parseQuery(text)) : mails.newestFirst();
  };
  const unread = (list: Mail[]) => list.filter(({ read }) => !read).length;
  const list = (found: Mail[], page: Mail[], start: number) => ({
    total: mails.size,
    unread: unread(mails.oldestFirst()),
    count: page.length,
    messages_count: found.length,
    messages_unread: unread(found),
    start,
    tags: [],
    messages: page.map(summary),
  });

  return [
    {
      methods: ['GET'],
      path: /^\/api\/v1\/messages$/,
      handler: ({ query }) => {
        const { start, limit } = pageOf(query);
        const all = mails.newestFirst();
        // In Mailpit, a limit of 0 means all mails here, but no mails in a search.
        return { body: list(all, limit === 0 ? all : all.slice(start, start + limit), start) };
      },
    },
    {
      methods: ['DELETE'],
      path: /^\/api\/v1\/messages$/,
      handler: ({ body }) => {
        const ids = idsOf(body);
        messages.removeMails(ids.length > 0 ? ids : mails.ids());
        return OK;
      },
    },
    {
      methods: ['GET'],
      path: /^\/api\/v1\/search$/,
      handler: ({ query }) => {
        const { start, limit } = pageOf(query);
        const found = mails.newestFirst().filter(parseQuery(query.get('query')?.trim() ?? ''));
        return { body: list(found, found.slice(start, start + limit), start) };
      },
    },
    {
      methods: ['GET'],
      path: /^\/api\/v1\/message\/([A-Za-z0-9]+)$/,
      changes: true,
      handler: (call) => {
        const mail = find(call);
        mail.read = true;
        return { body: details(mail) };
      },
    },
    {
      methods: ['GET'],
      path: /^\/api\/v1\/message\/([A-Za-z0-9]+)\/headers$/,
      handler: (call) => ({ body: headersOf(find(call).raw) }),
    },
    {
      methods: ['GET'],
      path: /^\/api\/v1\/message\/([A-Za-z0-9]+)\/raw$/,
      handler: (call) => ({ headers: TEXT, body: find(call).raw }),
    },
    {
      methods: ['GET'],
      path: /^\/api\/v1\/info$/,
      handler: () => ({
        body: {
          Version: 'local-inbox',
          Messages: mails.size,
          Unread: unread(mails.oldestFirst()),
          Tags: {},
          RuntimeStats: { Uptime: Math.floor((Date.now() - startedAt) / 1000), Memory: process.memoryUsage.rss() },
        },
      }),
    },
    { methods: ['GET'], path: /^\/api\/v1\/chaos$/, handler: () => ({ body: faults.triggers }) },
    {
      methods: ['PUT'],
      path: /^\/api\/v1\/chaos$/,
      handler: ({ body }) => {
        faults.set(parseJsonBody(body));
        return { body: faults.triggers };
      },
    },
    { methods: ['GET'], path: /^\/(?:livez|readyz)$/, handler: () => ({}) },
  ];
}

/** Returns the page of a list. As in Mailpit, a value that is not a number counts as missing. */
function pageOf(query: URLSearchParams): { start: number; limit: number } {
  const number = (name: string, usual: number) => {
    const text = query.get(name) ?? '';
    return /^\d{1,9}$/.test(text) ? Number(text) : usual;
  };
  return { start: number('start', 0), limit: number('limit', LIST_LIMIT) };
}

function idsOf(body: Buffer): string[] {
  if (body.length === 0) return [];
  const given = parseJsonBody(body);
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new HttpError(400, 'the body is not a JSON object; allowed: {"IDs": ["…"]}');
  // As Go reads JSON, the case of names is ignored. A body without ids means all mails, as in Mailpit, but a wrong name does not.
  const wrong = Object.keys(given).find((name) => name.toLowerCase() !== 'ids');
  if (wrong !== undefined) throw new HttpError(400, `${wrong.slice(0, 100)} is not known; allowed: IDs`);
  const [ids = []]: unknown[] = Object.values(given);
  if (Array.isArray(ids) && ids.every((id) => typeof id === 'string')) return ids;
  throw new HttpError(400, `IDs is ${JSON.stringify(ids).slice(0, 100)}; allowed: a list of strings`);
}
