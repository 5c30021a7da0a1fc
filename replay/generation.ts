import type { State } from '../common/dapr/state';

/** Where one replay reads dead letters, and where it puts those that fail again. */
export interface Topics {
  read: string[];
  returned: string;
}

const KEY = 'generation';

/**
 * What fails again must not come back within the same replay, so it goes to another topic than those that are read: to
 * the first and the second in turn. Which it is now is remembered in the state store.
 */
export class Generation {
  private current: Promise<{ number: number; etag: string | undefined }> | undefined;

  constructor(
    private readonly deadLetterTopic: string,
    private readonly state: Pick<State, 'getState' | 'saveState'>,
  ) {}

  /** @throws {SidecarError} while the state store does not answer */
  async topics(): Promise<Topics> {
    const { number } = await this.load();
    const topic = (generation: number) => `${this.deadLetterTopic}-returned-${(generation % 2) + 1}`;
    return { read: [this.deadLetterTopic, topic(number)], returned: topic(number + 1) };
  }

  /** The next replay reads what this one has returned. Until that is written down, it stays where it is. @throws {SidecarError} */
  async advance(): Promise<void> {
    const { number, etag } = await this.load();
    await this.state.saveState(KEY, { number: number + 1 }, { etag });
  }

  private load(): Promise<{ number: number; etag: string | undefined }> {
    this.current ??= this.read().catch((error) => {
      this.current = undefined;
      throw error;
    });
    return this.current;
  }

  private async read(): Promise<{ number: number; etag: string | undefined }> {
    const item = await this.state.getState(KEY);
    const { number = 0 } = (item?.value ?? {}) as { number?: number };
    return { number, etag: item?.etag };
  }
}
