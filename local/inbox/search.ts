import { HttpError } from './http';
import type { Address } from './mail';
import type { Mail } from './messages';

type Test = (mail: Mail) => boolean;

const addressed = (...lists: Address[][]): string =>
  lists
    .flat()
    .map(({ Name, Address }) => `${Name} ${Address}`)
    .join(' ');

/** The filters on one part of a mail. */
const PARTS: Record<string, (mail: Mail) => string> = {
  to: ({ to }) => addressed(to),
  from: ({ from }) => addressed([from]),
  cc: ({ cc }) => addressed(cc),
  bcc: ({ bcc }) => addressed(bcc),
  'reply-to': ({ replyTo }) => addressed(replyTo),
  addressed: ({ from, to, cc, bcc, replyTo }) => addressed([from], to, cc, bcc, replyTo),
  subject: ({ subject }) => subject,
  'message-id': ({ messageId }) => messageId,
};

const STATES: Record<string, Test> = {
  'is:read': ({ read }) => read,
  'is:unread': ({ read }) => !read,
  'has:attachment': ({ attachments }) => attachments.length > 0,
};

const wholeText = ({ from, to, cc, bcc, replyTo, subject, text, attachments }: Mail): string =>
  [addressed([from], to, cc, bcc, replyTo), subject, text, ...attachments.map(({ FileName }) => FileName)].join(' ');

/**
 * Returns a test for mails from a query in Mailpit's language. A mail matches if it contains all words and "phrases"
 * and passes all filters such as `subject:` and `to:`. `-` or `!` negates a term. The case of letters is ignored.
 *
 * @throws {HttpError} 400 for an unsupported filter or an empty query
 */
export function parseQuery(query: string): Test {
  const tests = termsOf(query).map(parseTerm);
  if (tests.length === 0) throw new HttpError(400, 'the query is empty');
  return (mail) => tests.every((test) => test(mail));
}

/** Returns the terms between spaces. A quoted phrase is one term and keeps its quotes. */
function termsOf(query: string): string[] {
  return query.match(/(?:"[^"]*"?|[^\s"])+/g) ?? [];
}

function parseTerm(term: string): Test {
  const [, negation, positive = ''] = /^([-!]?)(.+)$/s.exec(term) ?? [];
  if (negation) return not(parsePositive(positive));
  return parsePositive(positive);
}

const not =
  (test: Test): Test =>
  (mail) =>
    !test(mail);

function parsePositive(term: string): Test {
  const unquoted = term.replaceAll('"', '');
  const [, filter, value = ''] = /^([A-Za-z-]+):(.*)$/s.exec(unquoted) ?? [];
  if (filter === undefined) return contains(wholeText, unquoted);
  const part = PARTS[filter.toLowerCase()];
  if (part) return contains(part, value);
  const state = STATES[unquoted.toLowerCase().replace(/s$/, '')];
  if (state) return state;
  if (term.startsWith('"')) return contains(wholeText, unquoted);
  const known = [...Object.keys(PARTS).map((name) => `${name}:`), ...Object.keys(STATES)].join(', ');
  throw new HttpError(400, `the filter ${filter}: is not supported; allowed: ${known}, and any text in "quotes"`);
}

function contains(part: (mail: Mail) => string, wanted: string): Test {
  const text = plain(wanted);
  return (mail) => plain(part(mail)).includes(text);
}

/** Returns text as Mailpit compares it: in lower case, with one space instead of separators. */
const plain = (text: string): string =>
  text
    .replace(/[\s<>",;()]+/g, ' ')
    .trim()
    .toLowerCase();
