/** A call of an output binding. */
export interface BindingRequest {
  operation: string;
  data: Buffer;
  metadata: Readonly<Record<string, string>>;
}

/** The answer of an output binding. An answer with an error has metadata, too. */
export interface BindingAnswer {
  data: Buffer;
  metadata: Readonly<Record<string, string>>;
  error?: string | undefined;
}

/** An output binding. */
export interface Binding {
  readonly block: 'bindings';
  readonly capabilities: readonly string[];
  /** Undefined: any operation. */
  readonly operations: readonly string[] | undefined;
  /** @throws {Error} with daprd's reason when there is no answer */
  invoke(request: BindingRequest): Promise<BindingAnswer>;
  close(): void;
}
