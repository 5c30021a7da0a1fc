import { randomUUID } from 'node:crypto';
import { SidecarError } from '../common/dapr/sidecar';
import { NotReady } from '../common/http/health';

const TYPE = 'replay-probe';

/**
 * An event that a run publishes to the topic that it reads. When it has arrived, the broker delivers to this run, and the
 * dead letters arrive, too. Kafka may need seconds for that after the sidecar has subscribed, and nothing else tells.
 */
export class Probe {
  private readonly id = `${TYPE}-${randomUUID()}`;
  private published: Promise<void> | undefined;
  private arrived = false;

  /** @param publish publishes to the topic that the run reads. @throws {SidecarError} */
  constructor(private readonly publish: (event: object) => Promise<void>) {}

  /** Resolves when the event has arrived. @throws {NotReady} until then; the first call publishes the event */
  async ready(): Promise<void> {
    const event = { specversion: '1.0', id: this.id, source: TYPE, type: TYPE, data: {} };
    this.published ??= this.publish(event).catch((error) => {
      if (!(error instanceof SidecarError)) throw error;
      // A broker that is full takes no event, but the dead letters that it has can be replayed.
      this.arrived = true;
    });
    await this.published;
    if (!this.arrived)
      throw new NotReady('The broker does not deliver yet.', 'the broker has not delivered anything yet');
  }

  /** Returns whether an event is a probe, of this run or of one that was interrupted. It is not a dead letter. */
  take(event: unknown): boolean {
    const { id, type } = (event ?? {}) as { id?: unknown; type?: unknown };
    this.arrived ||= id === this.id;
    return type === TYPE;
  }
}
