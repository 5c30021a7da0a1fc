import { createTransport } from 'nodemailer';
import type { Handle } from '../common/dapr/subscription';
import type { Follow } from '../common/follow';
import { isLoopback } from '../common/host';
import type { Logger } from '../common/logger';
import { MAX_CONCURRENT } from '../common/once/handle-once';
import type { EmailConfig } from './config';
import { createPoolLog, hidesReason } from './pool-log';
import { smtpFailure } from './smtp-failure';
import { writeEmail } from './write-email';

/** How long we wait for a connection. After that, Dapr retries the mail later. */
const CONNECT_TIMEOUT_MS = 4_000;

/**
 * How long we wait for an answer of the server. If we give up too early, the mail may be sent twice: the server may
 * already have accepted it. While we wait, the claim is renewed, so a second delivery of the event does not send the
 * mail. https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.2
 */
const ANSWER_TIMEOUT_MS = 20_000;

export interface EmailSender {
  /** Sends the followee an e-mail. Resolves when the SMTP server has accepted it. */
  sendEmail: Handle<Follow>;
  close(): void;
}

/** Returns a sender that reuses its connections to the SMTP server. */
export function createEmailSender(
  config: EmailConfig,
  logger: Logger,
  answerTimeoutMs = ANSWER_TIMEOUT_MS,
): EmailSender {
  const url = new URL(config.smtpUrl);
  const poolLog = createPoolLog();
  const transport = createTransport({
    pool: true,
    maxConnections: MAX_CONCURRENT,
    // Dapr's retry policy retries a mail, and a mail that cannot be sent becomes a dead letter.
    maxRequeues: 0,
    idleTimeout: 10_000,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: Math.min(CONNECT_TIMEOUT_MS, answerTimeoutMs),
    socketTimeout: answerTimeoutMs,
    // A password is only sent over an encrypted connection.
    requireTLS: url.username !== '' && !isLoopback(url),
    logger: poolLog.logger,
    disableFileAccess: true,
    disableUrlAccess: true,
    url: config.smtpUrl,
  });
  return {
    async sendEmail(follow, eventId) {
      const mail = writeEmail(follow, eventId, config);
      await transport.sendMail(mail).catch((error: Error) => {
        const reason = poolLog.takeReason(mail.messageId);
        throw smtpFailure(hidesReason(error) ? new Error(reason, { cause: error }) : error);
      });
      const { follower, followee } = follow;
      logger.info({ eventId, follower, followee }, `notified ${followee} by e-mail: ${follower} follows you`);
    },
    close: () => transport.close(),
  };
}
