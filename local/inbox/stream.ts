import type { ServerResponse } from 'node:http';

/** The limit for bytes that wait for a slow reader, about the size of a full inbox. The reader can reconnect. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

export interface Source {
  /** Returns the text that is written at an interval, so that both sides notice a broken connection. */
  keepalive: () => string;
  everyMs: number;
  /** Starts to call `send`. Returns a function that stops it. */
  start: (send: (text: string) => void) => () => void;
}

/** Writes the texts of a source to a response until the reader disconnects or is too slow. */
export function streamTo(response: ServerResponse, { keepalive, everyMs, start }: Source): void {
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
