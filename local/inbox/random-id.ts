import { randomInt } from 'node:crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Letters and digits nobody can guess. Mailpit's ids have 22 of them, ntfy's 12. */
export function randomId(length: number): string {
  let id = '';
  for (let i = 0; i < length; i += 1) id += LETTERS[randomInt(LETTERS.length)];
  return id;
}
