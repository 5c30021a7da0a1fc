/** Returns the error of Go's HTTP client for one of Node's error codes; undefined for other codes. */
export function goClientError(method: string, url: string, code: string | undefined): string | undefined {
  const { hostname, port, protocol } = new URL(url);
  const address = `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
  const reasons: Readonly<Record<string, string>> = {
    ECONNREFUSED: `dial tcp ${address}: connect: connection refused`,
    ECONNRESET: 'EOF',
    ABORT_ERR: 'context deadline exceeded',
  };
  const reason = reasons[code ?? ''];
  return reason && goRequestError(method, url, reason);
}

/** Returns an error as Go's HTTP client writes it, with the method and the URL. */
export const goRequestError = (method: string, url: string, reason: string): string =>
  `${method.charAt(0)}${method.slice(1).toLowerCase()} "${url}": ${reason}`;
