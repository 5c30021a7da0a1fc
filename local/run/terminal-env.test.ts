import { expect, test } from 'vitest';
import { terminalEnv } from './terminal-env';

test.each([{}, { FORCE_COLOR: '' }, { NO_COLOR: '' }, { TERM: 'xterm' }])(
  'When the environment of a terminal is %j, then the apps have colours',
  (env) => {
    expect(terminalEnv(env)).toEqual({ DAPR_LOCAL_TERMINAL: '1', FORCE_COLOR: '1' });
  },
);

test.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }, { FORCE_COLOR: '0' }, { FORCE_COLOR: '3' }])(
  'When the user has decided about colours (%j), then the run does not',
  (env) => {
    expect(terminalEnv(env)).toEqual({ DAPR_LOCAL_TERMINAL: '1' });
  },
);
