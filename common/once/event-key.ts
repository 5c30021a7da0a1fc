import { createHash } from 'node:crypto';

/**
 * Returns a name for an event that state keys, Message-IDs and push ids can hold: the event id when it has only letters,
 * digits and hyphens, as the ids of api-facade do, and its SHA-256 otherwise.
 */
export const eventKey = (eventId: string): string =>
  /^[A-Za-z0-9-]{1,64}$/.test(eventId) ? eventId : createHash('sha256').update(eventId).digest('hex');
