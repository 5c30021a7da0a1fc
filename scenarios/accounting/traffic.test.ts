import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stack } from '../stacks/stack';
import { postFollows } from './traffic';

let posted = 0;
/** Replaces api-facade: accepts every post, and counts the posts. */
const facade = createServer((req, res) => {
  req.resume().on('end', () => {
    posted += 1;
    res.writeHead(202, { 'content-type': 'application/json' }).end('{}');
  });
});
let stack: Stack;
beforeAll(async () => {
  await once(facade.listen(0, '127.0.0.1'), 'listening');
  stack = { facadeUrl: `http://127.0.0.1:${(facade.address() as AddressInfo).port}` } as Stack;
});
afterAll(() => void facade.close().closeAllConnections());

test('When there are faults, then each is injected once while follows are posted, and posting waits for its end before the next fault', async () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const record: string[] = [];
  // `last` is the number of posts that precede the next fault. During the fault, posting stops there.
  const faults = [60, 90, 120].map((last) => async () => {
    record.push(`begins before ${last}: ${posted < last}`);
    while (posted < last) await turn();
    for (let turns = 0; turns < 200; turns += 1) await turn();
    record.push(`ends at ${posted}`);
  });
  await postFollows(stack, { follows: 100, repeated: 20, faults });
  expect(record).toEqual([60, 90, 120].flatMap((last) => [`begins before ${last}: true`, `ends at ${last}`]));
});

test('When there are more faults than posts, then the call fails instead of skipping faults', async () => {
  const faults = Array.from({ length: 4 }, () => async () => {});
  await expect(postFollows(stack, { follows: 2, repeated: 0, faults })).rejects.toThrow(
    '4 faults are too many for 2 posts',
  );
});
