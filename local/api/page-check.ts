import type { IncomingHttpHeaders } from 'node:http';
import { foreignPage } from '../foreign-page';
import { LISTEN_ADDRESS, type SidecarOptions } from '../sidecar-options';
import { ApiError } from './errors';
import type { HeaderCheck } from './tokens';

/** Whether only this machine can reach a server that listens on an IP address. */
const isLoopback = (address: string) => /^(?:::ffff:)?127\.|^::1$/i.test(address);

/**
 * Returns a function that returns the error for a call from a web page of another origin. Undefined when other machines
 * can reach the API, or when the user has named the origins that may use it. daprd refuses no page.
 *
 * @param isFromSidecar another sidecar has checked a call before it passes the call on
 */
export function pageCheck(
  { listenAddresses = [LISTEN_ADDRESS], allowedOrigins }: SidecarOptions,
  isFromSidecar: HeaderCheck,
): ((headers: IncomingHttpHeaders) => ApiError | undefined) | undefined {
  if (allowedOrigins !== undefined || !listenAddresses.every(isLoopback)) return undefined;
  return (headers) => {
    const foreign = foreignPage(headers);
    if (!foreign || isFromSidecar(headers)) return undefined;
    return foreign === 'host'
      ? new ApiError(421, 'ERR_FOREIGN_HOST', 'the sidecar accepts only the hosts localhost, 127.0.0.1 and [::1]')
      : new ApiError(403, 'ERR_FOREIGN_ORIGIN', 'a web page of another origin may not use the sidecar');
  };
}
