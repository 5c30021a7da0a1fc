import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** Returns the parts of a body. They break when the body is longer than `limit` bytes. */
export function limited(req: IncomingMessage, limit: number): Readable {
  async function* parts() {
    let length = 0;
    for await (const chunk of req) {
      length += chunk.length;
      if (length > limit) throw new Error('stream too large');
      yield chunk;
    }
  }
  return Readable.from(parts(), { objectMode: false });
}

/** Resolves with the body; undefined if it is longer than `limit`. A long body is read to its end and discarded. */
export function readBody(req: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    req.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) chunks.push(chunk);
      else chunks.length = 0;
    });
    req.on('end', () => resolve(length <= limit ? Buffer.concat(chunks) : undefined));
    req.on('error', reject);
  });
}
