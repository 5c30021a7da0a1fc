import { isTruthy } from '../json/go-truthy';
import type { Component } from '../resources/component';

/** The outbox of a state component: its transactions publish events. */
export interface OutboxSettings {
  /** The state component. */
  storeName: string;
  publishPubsub: string;
  publishTopic: string;
  /** The pub/sub component of the internal topic, on which an event waits until its transaction is stored. */
  outboxPubsub: string;
  /** Whether an event whose transaction is not found is dropped. By default, the broker delivers it again. */
  discardWhenMissingState: boolean;
}

/** The metadata of a state component with an outbox. */
export const OUTBOX_METADATA = [
  'outboxPublishPubsub',
  'outboxPublishTopic',
  'outboxPubsub',
  'outboxDiscardWhenMissingState',
];

/**
 * Returns the outbox of a state component; undefined if it has none. As with daprd, the case of the names counts.
 * https://docs.dapr.io/developing-applications/building-blocks/state-management/howto-outbox/
 */
export function readOutbox({ name, metadata }: Component): OutboxSettings | undefined {
  const [publishPubsub = '', publishTopic = '', outboxPubsub = '', discard = ''] = OUTBOX_METADATA.map((item) =>
    metadata.get(item),
  );
  if (publishPubsub === '' || publishTopic === '') return undefined;
  return {
    storeName: name,
    publishPubsub,
    publishTopic,
    outboxPubsub: outboxPubsub || publishPubsub,
    discardWhenMissingState: isTruthy(discard),
  };
}
