import { isIP, isIPv4 } from 'node:net';

// https://www.rfc-editor.org/rfc/rfc1123#section-2.1, and "_", which the names of Docker Compose services may have.
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i;

/**
 * Whether a connection can be made to a host name or IP address, as far as its spelling says. An IPv6 address is in
 * brackets, as in a URL.
 */
export function isHost(host: string): boolean {
  const address = /^\[(.*)\]$/.exec(host)?.[1];
  if (address !== undefined) return isIP(address) === 6;
  if (isIPv4(host)) return true;
  const labels = host.replace(/\.$/, '').split('.');
  // A name whose last part is a number would be read as an IPv4 address. https://url.spec.whatwg.org/#ends-in-a-number-checker
  return host.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '');
}

/** Whether a URL's host is this machine. Such a request needs no proxy and no encryption. */
export const isLoopback = ({ hostname }: URL): boolean => /^(localhost\.?|127(\.\d+){3}|\[::1\])$/i.test(hostname);

// The private and link-local address ranges. https://www.rfc-editor.org/rfc/rfc6890
const PRIVATE_ADDRESS =
  /^(0\.0\.0\.0|10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[(::1?\]|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:))/;
const INTERNAL_NAME = /^[^.]+\.?$|\.(localhost|local|internal|svc|cluster\.local)\.?$/;

/**
 * Whether a URL's host is on this machine or on its own network: a name without a dot, such as a service of Docker
 * Compose, a name that only such a network resolves, or a private address. A proxy is for other hosts and usually cannot
 * reach these.
 */
export function isInternal({ hostname }: URL): boolean {
  const isAddress = hostname.startsWith('[') || isIPv4(hostname);
  return isAddress ? PRIVATE_ADDRESS.test(hostname) : INTERNAL_NAME.test(hostname.toLowerCase());
}
