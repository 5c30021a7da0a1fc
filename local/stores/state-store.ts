import type { OutboxSettings } from '../pubsub/outbox-settings';
import type { Policy } from '../resiliency/policy';
import type { Encryption } from './encryption';
import type { Store } from './store';

/** A state component of the sidecar. */
export interface StateStore {
  name: string;
  store: Store;
  /** The outbound policy. */
  policy: Policy;
  /** The prefix of every key in the store, including `||`. */
  keyPrefix: string;
  encryption: Encryption | undefined;
  outbox: OutboxSettings | undefined;
}
