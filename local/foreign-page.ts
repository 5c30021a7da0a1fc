import type { IncomingHttpHeaders } from 'node:http';

/** The names of this machine. With DNS rebinding, a web page reaches this machine under a name of its own. */
const OWN_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/**
 * Returns whether a request to a server on loopback comes from a web page of another origin: `host` when it names a
 * machine that is not this one, and `origin` when the browser says that the page has another origin. Every program on this
 * machine can reach such a server, and so can every web page that its user opens. Returns undefined for all other
 * requests: only browsers send `Origin` and `Sec-Fetch-Site`.
 * https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
export function foreignPage(headers: IncomingHttpHeaders): 'host' | 'origin' | undefined {
  const { host, origin, 'sec-fetch-site': site } = headers;
  if (host && !OWN_HOST.test(host)) return 'host';
  if (origin !== undefined && origin.toLowerCase() !== `http://${host}`.toLowerCase()) return 'origin';
  // A browser sends no Origin for an image, a link or a script. `none` is the user: the address bar, a bookmark.
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'origin';
  return undefined;
}
