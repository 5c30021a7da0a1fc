import type { Environment } from '../environment';
import type { SidecarOptions } from '../sidecar-options';
import { RunError } from './run-error';

// Node refuses other characters in a header, and a server removes spaces at both ends.
const HEADER_VALUE = /^[\x21-\x7e]+(?: +[\x21-\x7e]+)*$/;

/**
 * Returns the tokens of a sidecar: `DAPR_API_TOKEN` and `APP_API_TOKEN`. An empty variable counts as not set.
 *
 * @throws {RunError} for a token that no header can have
 */
export function readTokens(env: Environment): Pick<SidecarOptions, 'apiToken' | 'appToken'> {
  const read = (name: string) => {
    const value = env[name];
    if (!value || HEADER_VALUE.test(value)) return value;
    throw new RunError(`${name} is not usable (the value is not shown); allowed: visible ASCII characters`);
  };
  const [apiToken, appToken] = [read('DAPR_API_TOKEN'), read('APP_API_TOKEN')];
  return { ...(apiToken && { apiToken }), ...(appToken && { appToken }) };
}
