import type { Binding, BindingAnswer, BindingRequest } from '../bindings/binding';
import { readable } from './event';
import { checkKeys } from './misuse';

/** A call that a stub has received. */
export interface StubBindingCall {
  operation: string;
  /** Parsed JSON. */
  data: unknown;
  metadata: Readonly<Record<string, string>>;
}

/** What the binding answers. An object is sent as JSON. With `error`, the call fails with this reason. */
export interface StubBindingResult {
  data?: unknown;
  metadata?: Readonly<Record<string, string>>;
  error?: string;
}

export type StubBindingAnswer =
  | StubBindingResult
  | ((call: StubBindingCall) => StubBindingResult | Promise<StubBindingResult>);

/** An output binding without a target. */
export class StubBinding implements Binding {
  readonly block = 'bindings';
  readonly capabilities = ['OUTPUT_BINDING'];
  readonly operations = undefined;
  /** The calls, oldest first. */
  readonly calls: StubBindingCall[] = [];

  /** @throws {MisuseError} for an invalid answer */
  constructor(
    readonly name: string,
    private readonly answer: StubBindingAnswer,
  ) {
    if (typeof answer !== 'function') this.check(answer);
  }

  async invoke({ operation, data, metadata }: BindingRequest): Promise<BindingAnswer> {
    const call = { operation, data: readable(data), metadata };
    this.calls.push(call);
    const { answer } = this;
    const result = typeof answer === 'function' ? await answer(call) : answer;
    this.check(result);
    const { data: given, metadata: headers = {}, error } = result;
    if (error !== undefined) throw new Error(error);
    const isText = given === undefined || typeof given === 'string';
    const bytes = Buffer.isBuffer(given) ? given : Buffer.from(isText ? (given ?? '') : JSON.stringify(given));
    return { data: bytes, metadata: headers };
  }

  close(): void {}

  private check(result: StubBindingResult): void {
    checkKeys(`binding('${this.name}'): the answer`, result, ['data', 'metadata', 'error']);
  }
}
