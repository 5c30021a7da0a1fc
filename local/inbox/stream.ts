import type { ServerResponse } from 'node:http';

/** Bytes that wait for a reader before it is given up: about all that an inbox holds. It may come back for the rest. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

export interface Source {
  /** Written now and then, so that either side notices when the other is gone. */
  keepalive: () => string;
  everyMs: number;
  /** Starts calling `send`. Returns how to stop that. */
  start: (send: (text: string) => void) => () => void;
}

/** Writes to an open response what a source brings, until its reader leaves or is too slow. */
export function follow(response: ServerResponse, { keepalive, everyMs, start }: Source): void {
  const send = (text: string) => {
    response.write(text);
    if (response.writableLength > MAX_WAITING_BYTES) response.destroy();
  };
  response.flushHeaders();
  const stop = start(send);
  const timer = setInterval(() => send(keepalive()), everyMs);
  response.once('close', () => {
    clearInterval(timer);
    stop();
  });
}
