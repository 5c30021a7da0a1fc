import { join } from 'node:path';
import type { Style } from './pipeline';

const reference = (file: string, ...args: string[]) => [join(__dirname, 'reference', file), ...args];
const quickstart = (sends: 'email' | 'push' | 'nothing') => reference('quickstart-subscriber.mjs', sends);

/** The sample with its default settings. */
export const SAMPLE: Style = {
  name: 'this sample',
  facade: ['dist/api-facade/main.js'],
  subscribers: {
    'email-notification-service': ['dist/email-notification-service/main.js'],
    'push-notification-service': ['dist/push-notification-service/main.js'],
  },
};

/** The sample with Dapr's bulk subscriptions. */
export const SAMPLE_IN_BATCHES: Style = {
  ...SAMPLE,
  name: 'this sample, in batches',
  env: { EVENTS_PER_DELIVERY: '100' },
};

/** The same work without validation, claims and structured logs. */
export const QUICKSTART: Style = {
  name: 'quickstart style',
  facade: reference('quickstart-facade.mjs'),
  subscribers: { 'email-notification-service': quickstart('email'), 'push-notification-service': quickstart('push') },
};

/** The quickstart style without notifications: the subscribers print each event and send nothing. */
export const QUICKSTART_PRINTS: Style = {
  name: 'quickstart style, prints only',
  facade: reference('quickstart-facade.mjs'),
  subscribers: {
    'email-notification-service': quickstart('nothing'),
    'push-notification-service': quickstart('nothing'),
  },
};

/** The work of the sample, in batches, by the least code: no validation, no logs, no retries, no dead letters. */
export const FAIR_LIMIT: Style = {
  name: 'the fair limit',
  facade: reference('fair-facade.mjs'),
  subscribers: {
    'email-notification-service': reference('fair-subscriber.mjs', 'email'),
    'push-notification-service': reference('fair-subscriber.mjs', 'push'),
  },
};

/** Dapr and Redis alone: events are published into a sidecar, and the subscribers only acknowledge them. */
export const LIMIT: Style = {
  name: 'the limit',
  facade: undefined,
  subscribers: {
    'email-notification-service': reference('bare-subscriber.mjs'),
    'push-notification-service': reference('bare-subscriber.mjs'),
  },
};
