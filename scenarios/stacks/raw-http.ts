import { connect } from 'node:net';

/** The parts of an HTTP answer that the scenarios check. */
export interface RawAnswer {
  status: number;
  contentType: string;
  body: string;
}

/** Sends bytes over a new connection. Resolves with the answer; its status is 0 if the connection ends without one. */
export function sendRaw(url: string, bytes: Buffer): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      // The answer is complete when its body is as long as its Content-Length. The answer to HEAD has no body.
      const [head = '', body = ''] = text.split('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
      if (Buffer.byteLength(body) >= length || bytes.subarray(0, 5).equals(Buffer.from('HEAD '))) socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? undefined : reject(error),
    );
    // The server may answer the remaining bytes, too. Only the first answer counts.
    socket.on('close', () => {
      const [head = '', body = ''] = text.split('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      resolve({
        status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0),
        contentType: /content-type: ([^\r\n;]+)/i.exec(head)?.[1] ?? '',
        body: Buffer.from(body).subarray(0, length).toString(),
      });
    });
  });
}

/** Returns the bytes of a request. Adds Content-Length if the request has a body and no header frames it. */
export function rawRequest(method: string, path: string, headers: string[] = [], body: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(body);
  const length =
    bytes.length > 0 && !headers.some((header) => /^(content-length|transfer-encoding)/i.test(header))
      ? [`Content-Length: ${bytes.length}`]
      : [];
  const head = [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...headers, ...length, '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes]);
}
