import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { postFollow } from '../stacks/post-follow';
import type { Stack } from '../stacks/stack';

export interface TrafficOptions {
  follows: number;
  /** The first `repeated` follows are posted a second time, with the same Idempotency-Key. */
  repeated: number;
  /**
   * Each function injects one fault and is called once. The calls are spread evenly over the posts. Posting continues
   * during a fault, and waits before the next fault until the previous one is over. There are at most as many faults as
   * posts.
   */
  faults?: readonly (() => Promise<void>)[];
  /** The number of posts at a time. */
  maxConcurrent?: number;
  /** Is called for each request that was not answered with 202, with what happened instead. */
  onFailure?: (what: string) => void;
}

/** A follow that was answered with 202. Each has a different follower. */
export interface Accepted {
  id: string;
  follower: string;
}

/** The followees of all follows. Several, so that their push messages go to several topics. */
export const FOLLOWEES = ['bob', 'carol', 'dave', 'erin'];

/**
 * Resolves with the follows after all are accepted and all faults are over. A post that fails is retried with the same
 * Idempotency-Key.
 *
 * @throws {Error} when a follow is not accepted in time, or when there are more faults than posts
 */
export async function postFollows(
  stack: Pick<Stack, 'facadeUrl'>,
  { follows, repeated, faults = [], maxConcurrent = 16, onFailure = () => {} }: TrafficOptions,
): Promise<Accepted[]> {
  const name = `f-${randomUUID().slice(0, 8)}`;
  const numbers = Array.from({ length: follows + repeated }, (_, i) => i % follows);
  const accepted = new Map<number, Accepted>();
  const faultBefore = new Map(
    faults.map((inject, i) => [Math.floor(((i + 1) * numbers.length) / (faults.length + 1)), inject]),
  );
  if (faultBefore.size < faults.length)
    throw new Error(`${faults.length} faults are too many for ${numbers.length} posts`);
  let [previousFault, currentFault] = [Promise.resolve(), Promise.resolve()];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < numbers.length; at = next++) {
      const inject = faultBefore.get(at);
      if (inject) {
        previousFault = currentFault;
        currentFault = previousFault.then(inject);
        currentFault.catch(() => {}); // the await below handles the rejection
      }
      await previousFault;
      const number = numbers[at] ?? 0;
      accepted.set(number, await postUntilAccepted(stack, number, `${name}-${number}`, onFailure));
    }
  };
  await Promise.all(Array.from({ length: maxConcurrent }, worker));
  await currentFault;
  return [...accepted.values()];
}

/** Longer than the longest outage of the broker that a test makes. */
const ACCEPTED_WITHIN_MS = 120_000;

async function postUntilAccepted(
  stack: Pick<Stack, 'facadeUrl'>,
  number: number,
  follower: string,
  onFailure: (what: string) => void,
): Promise<Accepted> {
  const followee = FOLLOWEES[number % FOLLOWEES.length] ?? 'bob';
  for (const deadline = Date.now() + ACCEPTED_WITHIN_MS; ; await sleep(100)) {
    const headers = { 'idempotency-key': follower };
    const answer = await postFollow(stack, { follower, followee }, headers).catch((error: Error) => error);
    if (!(answer instanceof Error) && answer.status === 202) return answer.body;
    onFailure(answer instanceof Error ? String(answer.cause ?? answer) : `${answer.status} ${answer.body.detail}`);
    if (Date.now() > deadline)
      throw new Error(
        `follow ${number} was not accepted in time; last answer: ${answer instanceof Error ? answer : JSON.stringify(answer)}`,
      );
  }
}
