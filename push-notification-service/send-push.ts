import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import axios from 'axios';
import { isLoopback } from '../common/config';
import type { Notify } from '../common/dapr/subscriber';
import type { Logger } from '../common/logger';
import { eventKey } from '../common/once/claims';
import type { PushConfig } from './config';
import { pushFailure } from './push-failure';

/** As long as for a mail: giving up too early sends twice (email-notification-service/send-email.ts). */
const TIMEOUT_MS = 20_000;

/** An ntfy server's answer is one message; anything much larger is somebody else's. */
const MAX_ANSWER_BYTES = 64 * 1024;

export interface PushSender {
  /** Tells the followee by push message; resolves when the ntfy server has taken it. https://docs.ntfy.sh/publish/ */
  sendPush: Notify;
  close(): void;
}

export function createPushSender(
  { pushUrl, topicPrefix, token }: PushConfig,
  logger: Logger,
  timeoutMs = TIMEOUT_MS,
): PushSender {
  // Only an agent with a timeout of its own heeds how long the server says that it keeps an idle connection; others
  // write into one that is just being closed.
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
        // The same whenever the same event is sent: a repetition takes the place of the first in the receiver's list.
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
