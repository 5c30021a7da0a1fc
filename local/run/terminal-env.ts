import type { Environment } from '../environment';

/**
 * Returns the variables that tell an app that a person reads its output on a terminal, although the app writes to a
 * pipe. `FORCE_COLOR` is set unless the user wants no colours or has set it. https://force-color.org
 */
export function terminalEnv({ FORCE_COLOR, NO_COLOR, TERM }: Environment): Record<string, string> {
  const leavesColors = FORCE_COLOR || NO_COLOR || TERM === 'dumb';
  return { DAPR_LOCAL_TERMINAL: '1', ...(!leavesColors && { FORCE_COLOR: '1' }) };
}
