import { parseDurationMs } from '../resources/duration';
import { type Call, HttpError } from './http';
import type { Push } from './messages';
import type { NtfyMessage } from './push';
import { isOn, paramReader, parsePriority } from './push-params';

type Since = { all: true } | { none: true } | { latest: true } | { id: string } | { time: number };

/** The topics, the start and the filters that a reader requests. */
export interface PushSubscription {
  topics: string[];
  /** Whether the reader wants only the stored messages and no stream. */
  poll: boolean;
  since: Since;
  wants: (message: NtfyMessage) => boolean;
}

/** Returns the subscription of a request. @throws {HttpError} 400 for an invalid `since` or priority */
export function readPushSubscription({ params: [topics = ''], headers, query }: Call): PushSubscription {
  const param = paramReader({ headers, query });
  const list = (text: string) => text.split(',').filter(Boolean);
  const poll = isOn(param('x-poll', 'poll', 'po'));
  const since = parseSince(param('x-since', 'since', 'si'), poll);
  // `scheduled` has no effect: the inbox refuses messages with a delay.
  const [id, title, text] = [param('x-id', 'id'), param('x-title', 'title', 't'), param('x-message', 'message', 'm')];
  const tags = list(param('x-tags', 'tags', 'tag', 'ta'));
  const priorities = list(param('x-priority', 'priority', 'prio', 'p')).map(parsePriority);
  if (priorities.includes(undefined)) throw new HttpError(400, 'invalid priority parameter', 40007);
  const wanted = new Set(list(topics));
  return {
    topics: [...wanted],
    poll,
    since,
    wants: (message) =>
      wanted.has(message.topic) &&
      (!id || message.id === id) &&
      (!title || message.title === title) &&
      (!text || message.message === text) &&
      tags.every((tag) => message.tags?.includes(tag)) &&
      (priorities.length === 0 || priorities.includes(message.priority ?? 3)),
  };
}

function parseSince(text: string, poll: boolean): Since {
  if (text === 'all' || (text === '' && poll)) return { all: true };
  if (text === 'none' || text === '') return { none: true };
  if (text === 'latest') return { latest: true };
  if (/^[A-Za-z0-9]{12}$/.test(text)) return { id: text };
  if (/^-?\d+$/.test(text)) return { time: Number(text) };
  const durationMs = parseDurationMs(text);
  if (durationMs !== undefined) return { time: Math.floor((Date.now() - durationMs) / 1000) };
  throw new HttpError(400, 'invalid since parameter', 40008);
}

/** Returns the stored messages that the reader wants, oldest first. */
export function pastMessages({ since, wants, topics }: PushSubscription, pushes: Push[]): NtfyMessage[] {
  const messages = pushes.filter(({ cached }) => cached).map(({ ntfy }) => ntfy);
  if ('none' in since) return [];
  if ('latest' in since) {
    return topics.flatMap((topic) => messages.filter((m) => m.topic === topic).slice(-1)).filter(wants);
  }
  if ('time' in since) return messages.filter((m) => m.time >= since.time && wants(m));
  // As in ntfy, an unknown id means all messages.
  const from = 'id' in since ? messages.findIndex(({ id }) => id === since.id) + 1 : 0;
  return messages.slice(from).filter(wants);
}
