import { isAxiosError } from 'axios';
import { PermanentFailure } from '../common/dapr/subscription';

/**
 * Whether the same request may succeed later. 408 and 425 ask for a retry, 429 is the server's rate limit. Of the 5xx
 * statuses, 501 and 505 describe the request itself. https://www.rfc-editor.org/rfc/rfc9110#section-15
 *
 * | answer | failure |
 * |---|---|
 * | 408, 425, 429, 5xx except 501 and 505 | temporary |
 * | every other status, such as 401, 403, 404 and redirects | permanent |
 * | none: connection refused or lost, timeout, unknown host | temporary |
 */
const isTemporary = (status: number) =>
  [408, 425, 429].includes(status) || (status >= 500 && status !== 501 && status !== 505);

/** Returns the failure of a push message: a `PermanentFailure` when a retry cannot help, and an `Error` otherwise. */
export function pushFailure(error: unknown): Error {
  if (!isAxiosError(error)) return error as Error;
  const status = error.response?.status;
  const reason = `push message: ${status === undefined ? error.message : `the server answered ${status}`}`;
  return status === undefined || isTemporary(status)
    ? new Error(reason, { cause: error })
    : new PermanentFailure(reason, { cause: error });
}
