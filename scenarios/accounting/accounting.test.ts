import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stack } from '../stacks/stack';
import { postFollows } from './accounting';

/** An api-facade that accepts everything, and how much it was posted. */
let posted = 0;
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

test('When faults strike, then each does once, while follows are posted, which wait for its end before the next one', async () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const strikes: string[] = [];
  // The last that is posted before the next fault is due; many turns later it still is.
  const faults = [60, 90, 120].map((last) => async () => {
    strikes.push(`begins before ${last}: ${posted < last}`);
    while (posted < last) await turn();
    for (let turns = 0; turns < 200; turns += 1) await turn();
    strikes.push(`ends at ${posted}`);
  });
  await postFollows(stack, { follows: 100, repeated: 20, faults });
  expect(strikes).toEqual([60, 90, 120].flatMap((last) => [`begins before ${last}: true`, `ends at ${last}`]));
});

test('When there are more faults than follows, then that is an error, and none is left out in silence', async () => {
  const faults = Array.from({ length: 4 }, () => async () => {});
  await expect(postFollows(stack, { follows: 2, repeated: 0, faults })).rejects.toThrow('4 faults are too many for 2');
});
