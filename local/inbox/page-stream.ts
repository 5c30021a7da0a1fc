import type { Faults } from './faults';
import type { InboxMessage, Messages } from './messages';
import { entry } from './page-message';

/** The number of messages that the page shows; `list.mjs` has the same limit. */
const SHOWN = 200;
/** The time after which a page reconnects. */
const RETRY_MS = 1_000;

/**
 * Returns a source for `streamTo` that sends the messages that match a search. It sends a snapshot first, so that a page
 * that reconnects, even to another inbox, shows every message exactly once.
 */
export function pageEvents(messages: Messages, faults: Faults, query: string) {
  const matches = searchTest(query);
  const counts = () => ({ mails: messages.mails.size, pushes: messages.pushes.size });
  const snapshot = () => {
    const lists = [messages.mails.newestFirst(), messages.pushes.newestFirst()];
    // One more than the page shows, so that the page knows whether there are more.
    const found = lists.flatMap((list) => firstMatches(list, matches, SHOWN + 1)).sort((a, b) => b.number - a.number);
    const entries = found.slice(0, SHOWN).map(entry);
    return { faults: faults.triggers, counts: counts(), entries, hasMore: found.length > SHOWN };
  };
  return (send: (text: string) => void) => {
    const sendEvent = (name: string, data: object) => send(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    send(`retry: ${RETRY_MS}\n`);
    sendEvent('snapshot', snapshot());
    const stops = [
      faults.listen(() => sendEvent('faults', faults.triggers)),
      messages.listen((change) => {
        if (!('arrived' in change)) sendEvent('snapshot', snapshot());
        else if (matches(change.arrived)) sendEvent('arrival', { counts: counts(), entry: entry(change.arrived) });
        else sendEvent('counts', counts());
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  };
}

function firstMatches(list: InboxMessage[], matches: (message: InboxMessage) => boolean, most: number): InboxMessage[] {
  const found: InboxMessage[] = [];
  for (const message of list) {
    if (found.length === most) break;
    if (matches(message)) found.push(message);
  }
  return found;
}

/** Returns a test for messages that contain every word of the query. The case of letters is ignored. */
function searchTest(query: string): (message: InboxMessage) => boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return (message) => {
    if (words.length === 0) return true;
    const text = searchText(message).toLowerCase();
    return words.every((word) => text.includes(word));
  };
}

function searchText(message: InboxMessage): string {
  if (message.kind === 'push') {
    const { topic, title, message: text, tags = [], id, sequence_id } = message.ntfy;
    return ['push', topic, title, text, ...tags, id, sequence_id].join('\n');
  }
  const { from, to, cc, bcc, subject, text, messageId, attachments } = message;
  const people = [from, ...to, ...cc, ...bcc].flatMap(({ Name, Address }) => [Name, Address]);
  return ['mail', ...people, subject, text, messageId, ...attachments.map(({ FileName }) => FileName)].join('\n');
}
