/** An error as Dapr's API answers it. https://docs.dapr.io/reference/errors/ */
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

/** A path or a method that the API does not have: Dapr takes it for a service invocation without an app id. */
export const noSuchPath = (): ApiError =>
  new ApiError(404, 'ERR_DIRECT_INVOKE', 'failed getting app id either from the URL path or the header dapr-app-id');

export const pubsubNotFound = (name: string): ApiError =>
  new ApiError(404, 'ERR_PUBSUB_NOT_FOUND', `pubsub ${name} is not found`, [errorInfo('DAPR_PUBSUB_NOT_FOUND', {})]);

/** An error about a pub/sub component that exists. */
export const pubsubError = (
  status: number,
  errorCode: string,
  pubsubName: string,
  message: string,
  reason: string,
  metadata: object | null,
): ApiError =>
  new ApiError(status, errorCode, message, [resourceInfo('pubsub', pubsubName, message), errorInfo(reason, metadata)]);
