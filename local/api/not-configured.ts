import { ApiError } from './errors';
import type { ApiRoute } from './router';

/**
 * Returns the routes of the building blocks that this sidecar does not support. They answer as daprd does when no
 * component is configured for the building block.
 */
export function notConfiguredRoutes(): ApiRoute[] {
  const refuse = (pattern: string, status: number, code: string, message: (name: string) => string): ApiRoute => ({
    methods: ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'],
    pattern,
    handler: ({ params: { name = '' } }) => {
      throw new ApiError(status, code, message(name));
    },
  });
  const noSecrets = ['ERR_SECRET_STORES_NOT_CONFIGURED', () => 'secret store is not configured'] as const;
  const noConfiguration = [
    'ERR_CONFIGURATION_STORE_NOT_CONFIGURED',
    () => 'configuration stores not configured',
  ] as const;
  const noLocks = ['ERR_LOCK_STORE_NOT_CONFIGURED', () => 'lock store is not configured'] as const;
  const noPlacement = ['ERR_ACTOR_NO_PLACEMENT', () => 'placement service is not configured'] as const;
  const noCrypto = ['ERR_CRYPTO_PROVIDERS_NOT_CONFIGURED', () => 'crypto providers not configured'] as const;
  const noBinding = (name: string) => `error invoking output binding ${name}: couldn't find output binding ${name}`;
  const noConversation = (name: string) => `failed finding conversation component ${name}`;
  return [
    refuse('v1.0/secrets/*name', 500, ...noSecrets),
    refuse('v1.0/configuration/*name', 500, ...noConfiguration),
    refuse('v1.0-alpha1/configuration/*name', 500, ...noConfiguration),
    refuse('v1.0-alpha1/lock/:name', 500, ...noLocks),
    refuse('v1.0-alpha1/unlock/:name', 500, ...noLocks),
    refuse('v1.0/actors/*name', 400, ...noPlacement),
    refuse('v1.0/workflows/*name', 400, ...noPlacement),
    refuse('v1.0-beta1/workflows/*name', 400, ...noPlacement),
    refuse('v1.0-alpha1/crypto/*name', 500, ...noCrypto),
    refuse('v1.0/bindings/:name', 500, 'ERR_INVOKE_OUTPUT_BINDING', noBinding),
    refuse('v1.0-alpha1/conversation/:name/converse', 400, 'ERR_CONVERSATION_NOT_FOUND', noConversation),
    refuse('v1.0-alpha2/conversation/:name/converse', 400, 'ERR_CONVERSATION_NOT_FOUND', noConversation),
    refuse(
      'v1.0-alpha1/jobs/:name',
      500,
      'DAPR_SCHEDULER_GET_JOB',
      () => 'failed to get job due to: scheduler clients are disabled',
    ),
  ];
}
