import { PermanentFailure } from '../common/dapr/subscription';
import { printable } from '../common/logger';

/** An error of nodemailer. https://nodemailer.com/errors */
interface SmtpError extends Error {
  /** Such as ECONNECTION, ETIMEDOUT, EAUTH, EENVELOPE. */
  code?: string;
  /** The SMTP reply code; undefined when the server has not answered. */
  responseCode?: number;
}

/** The server may answer any text. A log line has this many characters of it. */
const MAX_REASON = 300;

/**
 * Returns the failure of a mail: a `PermanentFailure` when a retry cannot help, and an `Error` otherwise.
 * https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1
 *
 * | reply | examples | failure |
 * |---|---|---|
 * | 4yz | 421 closing, 450 mailbox busy, 451 error in processing, 452 no space, 454 TLS or login not available | temporary |
 * | 5yz | 530 and 535 login, 550 no such mailbox, 552 mailbox full, 553 name not allowed, 554 refused | permanent |
 * | none | connection refused or lost, timeout, unknown host, failed TLS | temporary |
 * | none, because the address or the message is not valid | EENVELOPE, EMESSAGE | permanent |
 *
 * A wrong password is permanent: hundreds of retries would lock the account. Replay the dead letters after it is mended.
 */
export function smtpFailure(error: SmtpError): Error {
  const { code = '', responseCode } = error;
  const reason = `e-mail: ${printable(error.message.replace(/\s+/g, ' '), MAX_REASON)}`;
  const permanent =
    responseCode === undefined
      ? code === 'EENVELOPE' || code === 'EMESSAGE'
      : responseCode >= 500 && responseCode < 600;
  return permanent ? new PermanentFailure(reason, { cause: error }) : new Error(reason, { cause: error });
}
