import type { RequestHandler } from 'express';
import { HttpProblem } from './problem-details';

/** The names of this machine. With DNS rebinding, a web page reaches this machine under a name of its own. */
const OWN_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/**
 * Refuses web pages of other origins while only this machine can reach the service: every web page that its user opens
 * can send requests to loopback. Clients that are not browsers, such as curl and daprd, send neither `Origin` nor
 * `Sec-Fetch-Site`. A service behind a gateway or in a container of Docker Compose listens on 0.0.0.0 and accepts all.
 * https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 *
 * local/foreign-page.ts has the same rules for the sidecar, because local/ imports nothing of the sample.
 */
export function refuseForeignPages(listenAddress = '127.0.0.1'): RequestHandler {
  if (listenAddress !== '127.0.0.1') return (_req, _res, next) => next();
  return ({ headers }, _res, next) => {
    const { host = '', origin, 'sec-fetch-site': site } = headers;
    if (host !== '' && !OWN_HOST.test(host))
      throw new HttpProblem(421, 'This service accepts only the hosts localhost, 127.0.0.1 and [::1].');
    // `none` is the user: the address bar, a bookmark.
    const isForeignSite = site !== undefined && site !== 'same-origin' && site !== 'none';
    if (isForeignSite || !isOwnOrigin(origin, host, site === 'same-origin'))
      throw new HttpProblem(403, 'A web page of another origin may not use this service.');
    next();
  };
}

/**
 * A page of the sidecar's origin may call the service through the sidecar, which passes on the headers. The browser has
 * compared such a page with the sidecar.
 */
function isOwnOrigin(origin: string | undefined, host: string, isSameOrigin: boolean): boolean {
  if (origin === undefined) return true;
  const [, originHost = ''] = /^http:\/\/(.*)$/.exec(origin) ?? [];
  return originHost.toLowerCase() === host.toLowerCase() || (isSameOrigin && OWN_HOST.test(originHost));
}
