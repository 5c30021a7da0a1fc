import type { State } from '../common/dapr/state';

/** The topics of one run of the replay. */
export interface Topics {
  /** The topics that the run reads. */
  read: string[];
  /** The topic to which it publishes the dead letters that it keeps. It does not read this topic. */
  kept: string;
}

/** The state: the numbers of the topics that may hold kept dead letters. */
interface Saved {
  numbers: number[];
}

const KEY = 'kept-topics';

/**
 * A dead letter that a run keeps must not come back within the run, so each run publishes to a topic that it does not
 * read. The state store remembers which topics may hold kept dead letters. The topic of a run is remembered before the
 * run reads anything: whenever the run ends, the next one reads that topic.
 */
export class KeptTopics {
  private opened: Promise<{ numbers: number[]; own: number }> | undefined;

  constructor(
    private readonly deadLetterTopic: string,
    private readonly state: Pick<State, 'getState' | 'saveState'>,
  ) {}

  /** Resolves with the topics of this run, after the state store has them. @throws {SidecarError} */
  async topics(): Promise<Topics> {
    this.opened ??= this.open().catch((error) => {
      this.opened = undefined;
      throw error;
    });
    const { numbers, own } = await this.opened;
    return { read: [this.deadLetterTopic, ...numbers.map(this.topic)], kept: this.topic(own) };
  }

  /** Forgets the topics that this run has read to the end. Until that is stored, the next run reads them again. @throws {SidecarError} */
  async close(): Promise<void> {
    const numbers = (await this.opened)?.numbers ?? [];
    await this.change((saved) => saved.filter((number) => !numbers.includes(number)));
  }

  private topic = (number: number) => `${this.deadLetterTopic}-kept-${number}`;

  private async open(): Promise<{ numbers: number[]; own: number }> {
    let own = 1;
    const numbers = await this.change((saved) => {
      own = 1;
      while (saved.includes(own)) own += 1;
      return [...saved, own];
    });
    return { numbers: numbers.filter((number) => number !== own), own };
  }

  private async change(update: (numbers: number[]) => number[]): Promise<number[]> {
    const item = await this.state.getState(KEY);
    const { numbers = [] } = (item?.value ?? {}) as Partial<Saved>;
    const changed = update(numbers);
    await this.state.saveState(KEY, { numbers: changed } satisfies Saved, { etag: item?.etag });
    return changed;
  }
}
