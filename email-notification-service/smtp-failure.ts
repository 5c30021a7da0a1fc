import { PermanentFailure } from '../common/dapr/subscriber';

/** What nodemailer tells about a failure. https://nodemailer.com/errors */
interface SmtpError extends Error {
  /** Such as ECONNECTION, ETIMEDOUT, EAUTH, EENVELOPE. */
  code?: string;
  /** The SMTP reply code, when the server has answered. */
  responseCode?: number;
}

/**
 * Whether trying again can help. https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1
 *
 * | what happened | such as | taken as |
 * |---|---|---|
 * | reply 4yz | 421 closing, 450 mailbox busy, 451 error in processing, 452 no space, 454 TLS or login not available | temporary |
 * | reply 5yz | 530 and 535 login, 550 no such mailbox, 552 mailbox full, 553 name not allowed, 554 refused | permanent |
 * | no reply | refused or lost connection, time-out, no such host, failed TLS | temporary |
 * | no address or no message that could be sent | EENVELOPE or EMESSAGE without a reply | permanent |
 *
 * A wrong password is permanent because hundreds of attempts would lock the account; the dead letters are replayed
 * once it has been mended.
 */
export function smtpFailure(error: SmtpError): Error {
  const { code = '', responseCode } = error;
  const reason = `e-mail: ${oneLine(error.message)}`;
  const permanent =
    responseCode === undefined
      ? code === 'EENVELOPE' || code === 'EMESSAGE'
      : responseCode >= 500 && responseCode < 600;
  return permanent ? new PermanentFailure(reason, { cause: error }) : new Error(reason, { cause: error });
}

/** A server may answer whatever it likes; a log line stays one. */
const oneLine = (text: string) => text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').slice(0, 300);
