import { isAxiosError } from 'axios';
import { PermanentFailure } from '../common/dapr/subscriber';

/**
 * Statuses after which the same request may succeed later: 408 and 425 ask for it, 429 is the server's limit. 501 and
 * 505 are the 5xx that are about the request itself. https://www.rfc-editor.org/rfc/rfc9110#section-15
 *
 * | what happened | taken as |
 * |---|---|
 * | 408, 425, 429, 5xx but for 501 and 505 | temporary |
 * | every other status, 401, 403, 404 and redirects among them | permanent |
 * | no answer: refused or lost connection, time-out, no such host | temporary |
 */
const isTemporary = (status: number) =>
  [408, 425, 429].includes(status) || (status >= 500 && status !== 501 && status !== 505);

/** What Dapr is told of a push message that was not taken. */
export function pushFailure(error: unknown): Error {
  if (!isAxiosError(error)) return error as Error;
  const status = error.response?.status;
  const reason = `push message: ${status === undefined ? error.message : `the server answered ${status}`}`;
  return status === undefined || isTemporary(status)
    ? new Error(reason, { cause: error })
    : new PermanentFailure(reason, { cause: error });
}
