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
  const names: Record<string, unknown> = { ...input }; // without the fields of a prototype
  const { follower, followee } = names;
  if (!isName(follower) || !isName(followee)) throw new InvalidFollow(problemsOf(names));
  if (follower === followee)
    throw new InvalidFollow('"follower" and "followee" must differ: nobody follows themselves.');
  return { follower, followee };
}

const isName = (value: unknown): value is string => typeof value === 'string' && NAME.test(value);

/** Returns one sentence for the missing fields, one for the fields that are not valid, and one for what is allowed. */
function problemsOf(names: Record<string, unknown>): string {
  const fields = ['follower', 'followee'];
  const missing = fields.filter((field) => names[field] === undefined);
  const invalid = fields.filter((field) => names[field] !== undefined && !isName(names[field]));
  const sentence = (found: string[], one: string, both: string) =>
    found.length === 0 ? [] : [`${found.map((field) => `"${field}"`).join(' and ')} ${found.length > 1 ? both : one}.`];
  return [
    ...sentence(missing, 'is missing', 'are missing'),
    ...sentence(invalid, 'is not a valid name', 'are not valid names'),
    'A name is a string of 1 to 32 of these characters: A-Z, a-z, 0-9, "_" and "-".',
  ].join(' ');
}
