import type { Environment } from './config';

/** How a log is shown. */
export interface Terminal {
  /** Whether a person reads the output on a terminal. */
  isTerminal: boolean;
  hasColors: boolean;
}

/**
 * Returns whether the output is for a terminal and has colours. As in Node.js, `FORCE_COLOR` comes first: `0` and `false`
 * mean no colours, and any other value means colours, also in a pipe. Then come `NO_COLOR` (https://no-color.org) and
 * `TERM=dumb`. An empty variable counts as not set.
 *
 * @param isTTY whether the output of this process is a terminal. `npm start` reads the output of the services through a
 * pipe, and sets `DAPR_LOCAL_TERMINAL` when its own output is a terminal.
 */
export function terminalOf(env: Environment, isTTY: boolean): Terminal {
  const { FORCE_COLOR: force = '', NO_COLOR: no = '', TERM: term, DAPR_LOCAL_TERMINAL: local = '' } = env;
  const isTerminal = isTTY || local !== '';
  if (force === '') return { isTerminal, hasColors: isTerminal && no === '' && term !== 'dumb' };
  const hasColors = !/^(0|false)$/i.test(force);
  return { isTerminal: isTerminal || hasColors, hasColors };
}
