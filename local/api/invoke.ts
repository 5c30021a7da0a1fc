import { type OpenAnswer, readAll } from '../http-request';
import { toAnswer, toAnswerInFull } from '../invocation/answer';
import { callerOf, type Reach, reach } from '../invocation/reach';
import { readTarget, type Target } from '../invocation/target';
import { AttemptTimeout, createPolicy, type Policies, StatusError } from '../resiliency/policy';
import { PermanentError } from '../resiliency/retry';
import type { Tracing } from '../tracing';
import type { ApiAnswer } from './answer';
import { ApiError, noSuchPath } from './errors';
import { type ApiRequest, type ApiRoute, header } from './router';

export interface InvokeDependencies extends Reach {
  policies: Policies;
  tracing: Tracing;
}

/** A caller of another sidecar has its own policy, so the called sidecar has none. */
const NO_POLICY = createPolicy(0);

/**
 * Returns the route of service invocation: `/v1.0/invoke/{app id}/method/{path}`, and any path with the header
 * `dapr-app-id`. It must be the last route, because it matches every path.
 * https://docs.dapr.io/reference/api/service_invocation_api/
 */
export function invokeRoute(dependencies: InvokeDependencies): ApiRoute {
  return {
    methods: [],
    pattern: undefined,
    streams: true,
    tooLarge: (_, { path, headers }) => {
      const target = readTarget(path, headers);
      return target ? failure(target, 'stream too large') : noSuchPath();
    },
    handler: async (request) => {
      const target = readTarget(request.path, request.headers);
      if (!target) throw noSuchPath();
      const isRemote = callerOf(request, dependencies.secret) !== undefined;
      const policy = isRemote
        ? NO_POLICY
        : dependencies.policies.app(target.id, dependencies.endpoint(target.id)?.baseUrl ?? target.method);
      const invocation = new Invocation(target, request, isRemote, dependencies);
      try {
        await policy(() => invocation.attempt());
      } catch (error) {
        if (invocation.hasAnswered) return undefined;
        if (error instanceof FailedAnswer) return error.answer;
        throw invocation.failure(error as Error);
      }
      return undefined;
    },
  };
}

/** An answer that a resiliency policy treats as a failure. The caller gets it after the policy has given up. */
class FailedAnswer extends StatusError {
  constructor(readonly answer: ApiAnswer) {
    super(answer.status, `the app answered ${answer.status}`);
  }
}

/** A chunked request or its answer, which cannot be repeated. The circuit breaker counts it. */
class FinalFailure extends PermanentError {}

class Invocation {
  /** Whether the caller has received the beginning of an answer. */
  hasAnswered = false;
  private readonly isChunked: boolean;

  constructor(
    private readonly target: Target,
    private readonly request: ApiRequest,
    private readonly isRemote: boolean,
    private readonly dependencies: InvokeDependencies,
  ) {
    this.isChunked = !Buffer.isBuffer(request.body);
  }

  /**
   * Sends the call once and streams a successful answer to the caller.
   *
   * @throws {FailedAnswer} for an answer that the policy may retry
   * @throws {FinalFailure} when the call cannot be repeated
   */
  async attempt(): Promise<void> {
    if (this.hasAnswered) throw new FinalFailure('already completed');
    const { tracing } = this.dependencies;
    const { traceparent, tracestate } = this.request.headers;
    const trace = tracing.invocation(header(traceparent), header(tracestate));
    let answer: OpenAnswer;
    try {
      answer = await reach(this.target, this.request, trace.forApp, this.dependencies);
    } catch (error) {
      throw this.isChunked ? new FinalFailure((error as Error).message, { cause: error }) : error;
    }
    if (this.isRemote && this.wantsEvents && answer.status > 299) {
      answer.body.destroy();
      throw new Error('no response received from stream');
    }
    const failed = answer.status < 200 || answer.status > 399;
    const traced = ({ headers, ...rest }: ApiAnswer) => ({ ...rest, headers: { ...headers, ...trace.forCaller } });
    if (failed && !this.isChunked) {
      const body = await readAll(answer.body, Number.POSITIVE_INFINITY);
      throw new FailedAnswer(traced(toAnswerInFull(answer, body)));
    }
    await this.answer(traced(await this.streamed(answer)));
    if (failed) throw new FinalFailure(`the app answered ${answer.status}`);
  }

  /** Returns the error for the caller. */
  failure(error: Error): ApiError {
    const reason = error instanceof AttemptTimeout ? 'context deadline exceeded' : error.message;
    const where = this.isRemote && !/^rpc error:|^cannot invoke/.test(reason) ? APP_CHANNEL : '';
    return failure(this.target, where + reason);
  }

  /** Resolves with the answer for the caller. Server-sent events have some of daprd's peculiarities. */
  private async streamed(answer: OpenAnswer): Promise<ApiAnswer> {
    const ok = answer.status < 300;
    if (!this.wantsEvents) return toAnswer(answer);
    if (!this.isRemote) {
      const onBroken = () => JSON.stringify(this.failure(new Error('unexpected EOF')).body);
      return toAnswer(answer, ok && this.isOwnApp ? onBroken : undefined);
    }
    const { headers, ...rest } = await toAnswer(answer);
    return { ...rest, headers: { ...headers, ...EVENTS } };
  }

  private async answer(answer: ApiAnswer): Promise<void> {
    this.hasAnswered = true;
    await this.request.respond(answer);
  }

  private get isOwnApp(): boolean {
    return this.target.id.split('.')[0] === this.dependencies.appId;
  }

  private get wantsEvents(): boolean {
    return header(this.request.headers.accept).trim().toLowerCase() === 'text/event-stream';
  }
}

const failure = ({ id }: Target, reason: string) =>
  new ApiError(500, 'ERR_DIRECT_INVOKE', `failed to invoke, id: ${id}, err: ${reason}`);

const APP_CHANNEL = 'rpc error: code = Internal desc = error invoking app channel: ';
const EVENTS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' };
