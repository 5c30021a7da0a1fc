import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import axios, { isAxiosError } from 'axios';
import type { Handle } from '../common/dapr/subscription';
import type { Follow } from '../common/follow';
import { isInternal } from '../common/host';
import { directAdapter } from '../common/http/direct-adapter';
import type { Logger } from '../common/logger';
import { eventKey } from '../common/once/event-key';
import type { PushConfig } from './config';
import { pushFailure } from './push-failure';

/** If we give up too early, the message may be sent twice: the server may already have accepted it. */
const TIMEOUT_MS = 20_000;

/** The answer of an ntfy server is one message. The connection of a much larger answer is closed. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** How long the rest of an answer may take after its status. */
const MAX_BODY_MS = 1_000;

export interface PushSender {
  /** Sends the followee a push message. Resolves when the ntfy server has accepted it. https://docs.ntfy.sh/publish/ */
  sendPush: Handle<Follow>;
  close(): void;
}

/** Returns a sender that reuses its connections to the ntfy server. */
export function createPushSender(
  { pushUrl, topicPrefix, token }: PushConfig,
  logger: Logger,
  timeoutMs = TIMEOUT_MS,
): PushSender {
  // Node's agent reads the server's Keep-Alive header only when it has a timeout. Without one it may write into a
  // connection that the server is closing.
  const keep = { keepAlive: true, timeout: timeoutMs };
  const agents = { httpAgent: new Agent(keep), httpsAgent: new TlsAgent(keep) };
  const http = axios.create({
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    timeout: timeoutMs,
    maxRedirects: 0,
    // The proxy of the environment (HTTP_PROXY) is for servers on the internet. It cannot reach a host of the Compose network.
    ...(isInternal(new URL(pushUrl)) && { adapter: directAdapter }),
    // The status says it all: a message is sent when the answer begins with 2xx, even if its body is broken.
    responseType: 'stream',
    decompress: false,
    ...agents,
  });
  return {
    async sendPush({ follower, followee }, eventId) {
      const message = {
        topic: topicPrefix + followee,
        title: 'New follower',
        message: `${follower} follows you`,
        tags: ['bust_in_silhouette'],
        // The same for every message about the event: a repeated message replaces the first one in the receiver's list.
        sequence_id: eventKey(eventId),
      };
      try {
        const { data } = await http.post<Readable>(pushUrl, message);
        await discard(data);
      } catch (error) {
        if (isAxiosError<Readable>(error) && error.response) await discard(error.response.data);
        throw pushFailure(error);
      }
      logger.info({ eventId, follower, followee }, `notified ${followee} by push message: ${follower} follows you`);
    },
    close() {
      agents.httpAgent.destroy();
      agents.httpsAgent.destroy();
    },
  };
}

/** Resolves when a body is read to its end, so that its connection can be used again. A body that is too long or too slow is cut off. */
function discard(body: Readable): Promise<void> {
  let length = 0;
  return new Promise((resolve) => {
    const tooSlow = setTimeout(() => body.destroy(), MAX_BODY_MS);
    body.on('error', () => {}); // the status has arrived, and nothing needs the body
    body.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_ANSWER_BYTES) body.destroy();
    });
    body.once('close', () => {
      clearTimeout(tooSlow);
      resolve();
    });
  });
}
