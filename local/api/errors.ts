/** An error that becomes the answer of the API. https://docs.dapr.io/reference/errors/ */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly errorCode: string,
    message: string,
    readonly details?: object[],
  ) {
    super(message);
  }

  get body(): object {
    return { errorCode: this.errorCode, message: this.message, ...(this.details && { details: this.details }) };
  }
}

const errorInfo = (reason: string, metadata: object | null) => ({
  '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
  domain: 'dapr.io',
  metadata,
  reason,
});

const resourceInfo = (type: string, name: string, description: string) => ({
  '@type': 'type.googleapis.com/google.rpc.ResourceInfo',
  description,
  owner: '',
  resource_name: name,
  resource_type: type,
});

/** The error for an unknown path or method. Dapr treats it as a service invocation without an app id. */
export const noSuchPath = (): ApiError =>
  new ApiError(404, 'ERR_DIRECT_INVOKE', 'failed getting app id either from the URL path or the header dapr-app-id');

export const pubsubNotFound = (name: string): ApiError =>
  new ApiError(404, 'ERR_PUBSUB_NOT_FOUND', `pubsub ${name} is not found`, [errorInfo('DAPR_PUBSUB_NOT_FOUND', {})]);

export const stateStoreNotConfigured = (name: string, info: object | null): ApiError =>
  new ApiError(500, 'ERR_STATE_STORE_NOT_CONFIGURED', `state store ${name} is not configured`, [
    errorInfo('DAPR_STATE_NOT_CONFIGURED', info),
  ]);

export const stateStoreNotFound = (name: string, info: object | null): ApiError =>
  new ApiError(400, 'ERR_STATE_STORE_NOT_FOUND', `state store ${name} is not found`, [
    errorInfo('DAPR_STATE_NOT_FOUND', info),
  ]);

/** The error for a query. daprd answers with it when the store does not support queries. */
export const queryNotSupported = (store: string): ApiError =>
  new ApiError(500, 'ERR_STATE_STORE_NOT_SUPPORTED', 'state store does not support querying', [
    resourceInfo('state', store, ''),
    errorInfo('DAPR_STATE_QUERYING_NOT_SUPPORTED', null),
  ]);

/** The error for a query that the store has refused. */
export const queryFailed = (store: string, error: string): ApiError =>
  new ApiError(500, 'ERR_STATE_QUERY', `state store ${store} query failed: ${error}`, [
    resourceInfo('state', store, ''),
    errorInfo('DAPR_STATE_QUERY_FAILED', null),
  ]);

/**
 * The error for a key that contains `||`, the separator between app id and key.
 *
 * @param field the key; empty for a transaction, as in daprd
 */
export function illegalKey(store: string, key: string, field = key): ApiError {
  const message = `api error: code = InvalidArgument desc = input key/keyPrefix '${key}' can't contain '||'`;
  const violation = {
    '@type': 'type.googleapis.com/google.rpc.BadRequest',
    field_violations: [{ ...(field !== '' && { field }), description: message }],
  };
  const details = [violation, resourceInfo('state', store, ''), errorInfo('DAPR_STATE_ILLEGAL_KEY', null)];
  return new ApiError(400, 'ERR_MALFORMED_REQUEST', message, details);
}

/** An error of an existing pub/sub component. */
export const pubsubError = (
  status: number,
  errorCode: string,
  pubsubName: string,
  message: string,
  reason: string,
  metadata: object | null,
): ApiError =>
  new ApiError(status, errorCode, message, [resourceInfo('pubsub', pubsubName, message), errorInfo(reason, metadata)]);

/** The error for a transaction whose events could not be stored. */
export const outboxFailed = (appID: string, error: string): ApiError =>
  new ApiError(500, 'ERR_PUBLISH_OUTBOX', `error while publishing outbox message: ${error}`, [
    errorInfo('DAPR_PUBSUB_OUTBOX', { appID, error }),
  ]);

/** The error for a job. daprd answers with it when it runs without a scheduler. */
export function schedulerDisabled(method: string, appID: string): ApiError {
  const verb = { GET: 'get', DELETE: 'delete' }[method] ?? 'schedule';
  const reason = `DAPR_SCHEDULER_${verb.toUpperCase()}_JOB`;
  return new ApiError(500, reason, `failed to ${verb} job due to: scheduler clients are disabled`, [
    errorInfo(reason, { appID, namespace: 'default' }),
  ]);
}
