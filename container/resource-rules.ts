import { anything, fields, listOf, matching, namesTo, oneOf, type Rule, text, wholeNumber } from './rules';

const duration = matching(/^-?(\d+|((\d+\.?\d*|\.\d+)(h|ms|m|us|µs|ns|s))+)$/, 'a duration such as 500ms, 5s or 1m');

/** A document of Dapr: what every kind has, and the fields of this kind. */
const document = (rules: Readonly<Record<string, Rule>>, ...required: string[]): Rule =>
  fields(
    {
      apiVersion: matching(/^dapr\.io\/v\d/, 'dapr.io/v1alpha1'),
      kind: text,
      metadata: fields({ name: text, namespace: text, labels: anything, annotations: anything }, 'name'),
      scopes: listOf(text),
      ...rules,
    },
    'apiVersion',
    'metadata',
    ...required,
  );

const policies = { timeout: text, retry: text, circuitBreaker: text };

/** https://docs.dapr.io/reference/resource-specs/component-schema/ */
const component = document(
  {
    auth: fields({ secretStore: text }),
    spec: fields(
      {
        type: matching(/^[\w-]+\.[\w.-]+$/, 'a building block and a name, such as pubsub.redis'),
        version: text,
        ignoreErrors: anything,
        initTimeout: duration,
        metadata: listOf(
          fields(
            { name: text, value: anything, secretKeyRef: fields({ name: text, key: text }), envRef: text },
            'name',
          ),
        ),
      },
      'type',
      'version',
    ),
  },
  'spec',
);

/** https://docs.dapr.io/operations/resiliency/policies/ */
const resiliency = document(
  {
    spec: fields({
      policies: fields({
        timeouts: namesTo(duration),
        retries: namesTo(
          fields({
            policy: oneOf('constant', 'exponential'),
            duration,
            maxInterval: duration,
            maxRetries: wholeNumber,
            matching: fields({ httpStatusCodes: text, gRPCStatusCodes: text }),
          }),
        ),
        circuitBreakers: namesTo(
          fields({ maxRequests: wholeNumber, interval: duration, timeout: duration, trip: text }),
        ),
      }),
      targets: fields({
        apps: namesTo(fields({ ...policies, circuitBreakerCacheSize: wholeNumber })),
        actors: namesTo(fields({ ...policies, circuitBreakerScope: text, circuitBreakerCacheSize: wholeNumber })),
        components: namesTo(fields({ inbound: fields(policies), outbound: fields(policies) })),
      }),
    }),
  },
  'spec',
);

/** An API that a sidecar offers or refuses. https://docs.dapr.io/operations/configuration/api-allowlist/ */
const apis = listOf(fields({ name: text, version: text, protocol: oneOf('http', 'grpc') }, 'name', 'version'));

/** https://docs.dapr.io/reference/resource-specs/configuration-schema/ */
export const configuration = document({
  spec: fields({
    tracing: fields({ samplingRate: text, stdout: anything, otel: anything, zipkin: anything }),
    api: fields({ allowed: apis, denied: apis }),
    ...Object.fromEntries(
      'httpPipeline appHttpPipeline mtls metric metrics secrets accessControl nameResolution features components logging wasm workflow'
        .split(' ')
        .map((name) => [name, anything]),
    ),
  }),
});

/** The kinds of documents that daprd 1.18 reads in a resources folder. */
export const RESOURCES: Readonly<Record<string, Rule>> = {
  Component: component,
  Resiliency: resiliency,
  Subscription: anything,
  HTTPEndpoint: anything,
  WorkflowAccessPolicy: anything,
  MCPServer: anything,
  // In a folder, daprd ignores it. --config names the file.
  Configuration: configuration,
  // Not Dapr's: `kubectl apply -k` reads it, and daprd ignores it.
  Kustomization: anything,
};
