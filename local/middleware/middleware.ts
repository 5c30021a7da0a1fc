import { type Readable, Transform } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** A body before or after a middleware. */
export type Body = Buffer | string | Readable;

/** The path of a request and its query without the question mark. */
export interface RequestPath {
  path: string;
  search: string;
}

/** An HTTP middleware. What it does not have stays as it is. */
export interface Middleware {
  readonly block: 'middleware';
  readonly capabilities: readonly string[];
  /** Returns the path to use instead. */
  path?(given: RequestPath): RequestPath;
  /** Returns the text of a request body to use instead. */
  request?(text: string): string;
  /** Returns the text of an answer's body to use instead. */
  answer?(text: string): string;
}

/** The middlewares of a pipeline in their order, as they are at the moment. */
export type Pipeline = () => readonly Middleware[];

export const NO_PIPELINE: Pipeline = () => [];

/** Returns the path after all middlewares. */
export const pathThrough = (pipeline: Pipeline, given: RequestPath): RequestPath =>
  pipeline().reduce((path, middleware) => middleware.path?.(path) ?? path, given);

/** Returns the body after all middlewares. A stream keeps its parts. */
export function bodyThrough<B extends Body>(pipeline: Pipeline, direction: 'request' | 'answer', body: B): B {
  const steps = pipeline().flatMap((middleware) => middleware[direction]?.bind(middleware) ?? []);
  if (steps.length === 0) return body;
  const convert = (text: string) => steps.reduce((result, step) => step(result), text);
  return convertBody(body, convert) as B; // a body keeps its kind
}

function convertBody(body: Body, convert: (text: string) => string): Body {
  if (typeof body === 'string') return convert(body);
  return Buffer.isBuffer(body) ? Buffer.from(convert(body.toString())) : through(body, convert);
}

function through(source: Readable, convert: (text: string) => string): Readable {
  const decoder = new StringDecoder('utf8');
  const converted = new Transform({
    transform: (chunk, _, done) => done(null, convert(decoder.write(chunk))),
    flush: (done) => done(null, convert(decoder.end())),
  });
  source.once('error', (error) => converted.destroy(error));
  converted.once('close', () => source.destroy());
  return source.pipe(converted);
}
