import { createHash, randomUUID } from 'node:crypto';
import type { Follow } from '../common/follow';

/**
 * Returns the id of the event about a follow, a UUID of version 8 (RFC 9562 section 5.8). The same key and the same
 * follow always give the same id. The same key and another follow give another id.
 *
 * @param key the client's `Idempotency-Key`. An id that this function returned for the follow gives that id again, so a
 * client that sent no key can repeat its request with the id. Without a key the id is new.
 */
export function eventIdOf(follow: Follow, key: string = randomUUID()): string {
  // The first half of an id depends on the key alone, the second half on the first half and the follow. So an id shows
  // by itself for which follow it was made.
  const lower = key.toLowerCase(); // some programs write a UUID in capitals
  if (idFor(lower.replaceAll('-', '').slice(0, HALF), follow) === lower) return lower;
  // A hash, because a key may have a meaning for the client, and the id goes to logs, mails and other services.
  return idFor(sha256(key).slice(0, HALF), follow);
}

/** Hexadecimal digits. */
const HALF = 16;

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function idFor(start: string, { follower, followee }: Follow): string {
  const first = `${start.slice(0, 12)}8${start.slice(13)}`;
  const second = sha256(`${first} ${follower} ${followee}`);
  const variant = ((Number.parseInt(second.charAt(0), 16) & 0b0011) | 0b1000).toString(16);
  return `${first.slice(0, 8)}-${first.slice(8, 12)}-${first.slice(12)}-${variant}${second.slice(1, 4)}-${second.slice(4, HALF)}`;
}
