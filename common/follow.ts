/** Somebody gained a follower. */
export interface Follow {
  follower: string;
  followee: string;
}

/** The topic, and the type of the CloudEvents on it. */
export const FOLLOWER_ADDED = 'followerAdded';

/** Input that is not a valid follow. The message names the field and the allowed values; it never repeats the input. */
export class InvalidFollow extends Error {}

const NAME = /^[A-Za-z0-9_-]{1,32}$/;

/**
 * Returns the follow in a request body or in an event's data. Unknown fields are ignored.
 *
 * @throws {InvalidFollow} when the input is not a valid follow
 */
export function parseFollow(input: unknown): Follow {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new InvalidFollow('A follow is a JSON object with "follower" and "followee".');
  }
  const follower = name(input, 'follower');
  const followee = name(input, 'followee');
  if (follower === followee)
    throw new InvalidFollow('"follower" and "followee" must differ: nobody follows themselves.');
  return { follower, followee };
}

function name(input: object, field: 'follower' | 'followee'): string {
  const value = Object.hasOwn(input, field) ? (input as Record<string, unknown>)[field] : undefined;
  if (typeof value === 'string' && NAME.test(value)) return value;
  throw new InvalidFollow(`"${field}" must be a string of 1 to 32 letters, digits, "_" or "-".`);
}
