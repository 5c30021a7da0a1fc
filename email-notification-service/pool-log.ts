/**
 * When a server closes a connection on which it has accepted mails before, nodemailer's pool forgets its reason. The
 * error says 'Reached maximum number of retries after connection was closed', and only the log of the pool has the
 * reason, such as '421 shutting down'. https://nodemailer.com/smtp/pooled
 */
export interface PoolLog {
  /** For the option `logger` of a transport. */
  logger: { info(entry: { messageId?: string }, text?: string, ...values: unknown[]): void };
  /** Returns why the mail was not sent, or a general reason, and forgets it. */
  takeReason(messageId: string): string;
}

/** Returns a log that keeps only these reasons. */
export function createPoolLog(): PoolLog {
  const reasons = new Map<string, string>();
  return {
    logger: {
      info({ messageId }, text, ...values) {
        if (messageId && text?.includes('was closed by the server')) reasons.set(messageId, String(values.at(-1)));
      },
    },
    takeReason(messageId) {
      const reason = reasons.get(messageId) ?? 'the server has closed the connection before the mail was sent';
      reasons.delete(messageId);
      return reason;
    },
  };
}

/** Whether an error of the pool says nothing about its reason. */
export const hidesReason = ({ message }: Error): boolean => message.startsWith('Reached maximum number of retries');
