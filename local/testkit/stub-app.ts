import { Readable } from 'node:stream';
import type { OpenAnswer } from '../http-request';
import type { StubCall } from '../probe';
import { readable } from './event';
import { MisuseError, show } from './misuse';

/** A call that a stub has received. */
export interface StubRequest {
  method: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
  /** With names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** Parsed JSON, or else text. */
  body: unknown;
}

/** The answer of a stub. Status 200 and an empty body are the defaults. An object is sent as JSON. */
export interface StubAnswer {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export type StubHandler = (request: StubRequest) => StubAnswer | Promise<StubAnswer>;

/** Answers by method and path, such as `GET /items/tea`, or a function for all calls. */
export type StubRoutes = StubHandler | Readonly<Record<string, StubAnswer | StubHandler>>;

/** An app without a process, which invocation reaches. */
export class StubApp {
  /** The calls, oldest first. */
  readonly calls: StubRequest[] = [];

  /** @throws {MisuseError} for invalid routes */
  constructor(
    readonly id: string,
    private readonly routes: StubRoutes,
  ) {
    if (typeof routes === 'function') return;
    if (typeof routes !== 'object' || routes === null) throw this.misuse(`the routes are ${show(routes)}`);
    for (const [route, answer] of Object.entries(routes)) {
      const isAnswer = typeof answer === 'function' || (typeof answer === 'object' && answer !== null);
      if (!/^[A-Z]+ \/[^?]*$/.test(route) || !isAnswer)
        throw this.misuse(`the route is ${show(route)}: ${show(answer)}`);
    }
  }

  /** Resolves with the answer to a call. */
  async call({ method, path, lines, body }: StubCall): Promise<OpenAnswer> {
    const [pathname = '', query = ''] = path.split(/\?(.*)/s);
    const request: StubRequest = {
      method,
      path: pathname,
      query: new URLSearchParams(query),
      headers: Object.fromEntries(lines),
      body: body.length === 0 ? undefined : readable(body),
    };
    this.calls.push(request);
    try {
      return toOpenAnswer(await this.answer(request));
    } catch (error) {
      return toOpenAnswer({ status: 500, body: `the stub of ${this.id} failed: ${(error as Error).message}` });
    }
  }

  private async answer(request: StubRequest): Promise<StubAnswer> {
    const { method, path } = request;
    const route = typeof this.routes === 'function' ? this.routes : this.routes[`${method} ${path}`];
    const answer = typeof route === 'function' ? await route(request) : route;
    return answer ?? { status: 404, body: `the stub of ${this.id} has no route ${method} ${path}` };
  }

  private misuse(problem: string): MisuseError {
    const allowed = `{ 'GET /path': { status, body, headers } }, a function instead of an answer, or one function for all`;
    return new MisuseError(`app('${this.id}'): ${problem}; allowed: ${allowed}`);
  }
}

function toOpenAnswer({ status = 200, body, headers = {} }: StubAnswer): OpenAnswer {
  const isJson = body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body);
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(isJson ? JSON.stringify(body) : (body ?? ''));
  const lines: [string, string][] = [
    ...(isJson ? ([['content-type', 'application/json']] as [string, string][]) : []),
    ...Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]),
  ];
  const source = bytes.length === 0 ? Readable.from([]) : Readable.from([bytes], { objectMode: false });
  return { status, headers: Object.fromEntries(lines), lines, body: source };
}
