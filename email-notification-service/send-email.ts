import { createTransport } from 'nodemailer';
import { isLoopback } from '../common/config';
import type { Notify } from '../common/dapr/subscriber';
import type { Logger } from '../common/logger';
import { AT_A_TIME } from '../common/once/notify-once';
import type { EmailConfig } from './config';
import { smtpFailure } from './smtp-failure';
import { writeEmail } from './write-email';

/** A server that takes longer to be reached is taken for dead: the mail is tried again later. */
const CONNECT_TIMEOUT_MS = 4_000;

/**
 * One that takes longer to answer, too. Whoever gives up too early sends twice: the server may have taken the mail, and
 * a machine that stood still for some seconds finds its answer after its own timeout. While we wait, the claim is
 * renewed, and what Dapr delivers again is left alone. https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.2
 */
const ANSWER_TIMEOUT_MS = 20_000;

export interface EmailSender {
  /** Tells the followee by e-mail; resolves when the SMTP server has taken the mail. */
  sendEmail: Notify;
  close(): void;
}

/** Keeps connections to the SMTP server open and uses them for one mail after the other. */
export function createEmailSender(
  config: EmailConfig,
  logger: Logger,
  answerTimeoutMs = ANSWER_TIMEOUT_MS,
): EmailSender {
  const url = new URL(config.smtpUrl);
  const transport = createTransport({
    pool: true,
    maxConnections: AT_A_TIME,
    // Dapr's retry policy tries again, and its dead letters count what could not be sent.
    maxRequeues: 0,
    idleTimeout: 10_000,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: Math.min(CONNECT_TIMEOUT_MS, answerTimeoutMs),
    socketTimeout: answerTimeoutMs,
    // A password goes over an encrypted connection or not at all.
    requireTLS: url.username !== '' && !isLoopback(url),
    disableFileAccess: true,
    disableUrlAccess: true,
    url: config.smtpUrl,
  });
  return {
    async sendEmail(follow, eventId) {
      try {
        await transport.sendMail(writeEmail(follow, eventId, config));
      } catch (error) {
        throw smtpFailure(error as Error);
      }
      const { follower, followee } = follow;
      logger.info({ eventId, follower, followee }, `notified ${followee} by e-mail: ${follower} follows you`);
    },
    close: () => transport.close(),
  };
}
