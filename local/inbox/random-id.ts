import { randomInt } from 'node:crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Returns an unpredictable id of letters and digits. The ids of Mailpit have 22 characters, the ids of ntfy 12. */
export function randomId(length: number): string {
  let id = '';
  for (let i = 0; i < length; i += 1) id += LETTERS[randomInt(LETTERS.length)];
  return id;
}
