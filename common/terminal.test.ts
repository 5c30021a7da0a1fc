import { expect, test } from 'vitest';
import type { Environment } from './config';
import { type Terminal, terminalOf } from './terminal';

const pipe = { isTerminal: false, hasColors: false };
const plain = { isTerminal: true, hasColors: false };
const colored = { isTerminal: true, hasColors: true };

test.each<[Environment, Terminal]>([
  [{}, pipe],
  [{ FORCE_COLOR: '0' }, pipe],
  [{ FORCE_COLOR: 'false' }, pipe],
  [{ FORCE_COLOR: '' }, pipe],
  [{ NO_COLOR: '1' }, pipe],
  [{ TERM: 'xterm-256color' }, pipe],
  ...['1', '2', '3', 'true'].map((value): [Environment, Terminal] => [{ FORCE_COLOR: value }, colored]),
  [{ FORCE_COLOR: '1', NO_COLOR: '1', TERM: 'dumb' }, colored],
  [{ DAPR_LOCAL_TERMINAL: '1' }, colored],
  [{ DAPR_LOCAL_TERMINAL: '1', NO_COLOR: '1' }, plain],
  [{ DAPR_LOCAL_TERMINAL: '1', FORCE_COLOR: '0' }, plain],
])('When the output is a pipe and the environment is %j, then the result is %j', (env, expected) => {
  expect(terminalOf(env, false)).toEqual(expected);
});

test.each<[Environment, Terminal]>([
  [{}, colored],
  [{ NO_COLOR: '' }, colored],
  [{ NO_COLOR: '1' }, plain],
  [{ FORCE_COLOR: '0' }, plain],
  [{ FORCE_COLOR: '', NO_COLOR: '1' }, plain],
  [{ TERM: 'dumb' }, plain],
  [{ TERM: 'dumb', FORCE_COLOR: '3' }, colored],
])('When the output is a terminal and the environment is %j, then the result is %j', (env, expected) => {
  expect(terminalOf(env, true)).toEqual(expected);
});
