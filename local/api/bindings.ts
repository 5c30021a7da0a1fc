import type { Binding, BindingAnswer } from '../bindings/binding';
import { isJsonObject, type JsonObject, JsonSyntaxError, parseJson } from '../json/parse';
import { stringifyJson } from '../json/stringify';
import { type GoType, JsonTypeError, readAs } from '../json/structs';
import type { Policy } from '../resiliency/policy';
import type { Tracing } from '../tracing';
import type { ApiAnswer } from './answer';
import { ApiError } from './errors';
import { type ApiRequestInFull as ApiRequest, type ApiRoute, json } from './router';

/** An output binding of the sidecar. */
export interface NamedBinding {
  binding: Binding;
  policy: Policy;
}

const REQUEST: GoType = {
  struct: 'http.OutputBindingRequest',
  fields: { metadata: 'map[string]string', data: 'any', operation: 'string' },
};

/** Returns the route of the output bindings. https://docs.dapr.io/reference/api/bindings_api/ */
export function bindingRoute(find: (name: string) => NamedBinding | undefined, tracing: Tracing): ApiRoute {
  const handler = async (request: ApiRequest): Promise<ApiAnswer> => {
    const { name = '' } = request.params;
    const { operation, data, metadata } = read(request.body);
    const answered = (answer: BindingAnswer, error?: string): ApiAnswer => {
      const headers = Object.fromEntries(
        Object.entries(answer.metadata).map(([key, value]) => [`metadata.${key}`, value]),
      );
      if (error === undefined) return json(200, answer.data, headers);
      const { status, body } = failure(name, error);
      return json(status, body, headers);
    };
    try {
      if (operation === '') throw new Error('operation field is missing from request');
      const found = find(name);
      if (!found) throw new Error(`couldn't find output binding ${name}`);
      const { binding, policy } = found;
      if (binding.operations && !binding.operations.includes(operation)) {
        const supported = binding.operations.join(' ');
        throw new Error(`binding ${name} does not support operation ${operation}. supported operations:${supported}`);
      }
      const { baggage } = request.headers;
      const traced = {
        ...metadata,
        ...tracing.responseHeaders(request.trace),
        ...(baggage && { baggage: String(baggage) }),
      };
      const call = { operation, data, metadata: traced };
      return answered(
        await policy(async () => {
          const answer = await binding.invoke(call);
          if (answer.error !== undefined) throw new FailedCall(answer, answer.error);
          return answer;
        }),
      );
    } catch (error) {
      if (error instanceof FailedCall) return answered(error.answer, error.message);
      throw failure(name, (error as Error).message);
    }
  };
  return { methods: ['POST', 'PUT'], pattern: 'v1.0/bindings/:name', handler };
}

/** An answer with an error, which the policy may retry. */
class FailedCall extends Error {
  constructor(
    readonly answer: BindingAnswer,
    reason: string,
  ) {
    super(reason);
  }
}

function read(body: Buffer): { operation: string; data: Buffer; metadata: Record<string, string> } {
  let request: JsonObject | null;
  try {
    request = readAs(REQUEST, parseJson(body.toString('utf8'))) as JsonObject | null;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError || error instanceof JsonTypeError)) throw error;
    throw new ApiError(400, 'ERR_MALFORMED_REQUEST', `failed deserializing HTTP body: ${error.message}`);
  }
  const { operation, data = null, metadata } = request ?? {};
  return {
    operation: typeof operation === 'string' ? operation : '',
    // daprd reads numbers as doubles.
    data: Buffer.from(stringifyJson(JSON.parse(stringifyJson(data)))),
    metadata: isJsonObject(metadata) ? (metadata as Record<string, string>) : {},
  };
}

const failure = (name: string, reason: string) =>
  new ApiError(500, 'ERR_INVOKE_OUTPUT_BINDING', `error invoking output binding ${name}: ${reason}`);
