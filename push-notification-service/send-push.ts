import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import axios from 'axios';
import type { Handle } from '../common/dapr/subscription';
import type { Follow } from '../common/follow';
import { isLoopback } from '../common/host';
import type { Logger } from '../common/logger';
import { eventKey } from '../common/once/event-key';
import type { PushConfig } from './config';
import { pushFailure } from './push-failure';

/** If we give up too early, the message may be sent twice: the server may already have accepted it. */
const TIMEOUT_MS = 20_000;

/** The answer of an ntfy server is one message. A much larger answer comes from another program. */
const MAX_ANSWER_BYTES = 64 * 1024;

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
    ...(isLoopback(new URL(pushUrl)) && { proxy: false as const }),
    maxContentLength: MAX_ANSWER_BYTES,
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
        await http.post(pushUrl, message);
      } catch (error) {
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
