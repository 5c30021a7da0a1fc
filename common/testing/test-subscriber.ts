import type { Express } from 'express';
import { createSubscriber, type Dependencies } from '../dapr/subscriber';
import { captureLog } from './captured-log';

/** Returns the app of a subscriber whose sidecar is ready and whose events are always new, unless `options` change that. */
export const testSubscriber = (options: Pick<Dependencies, 'subscriptions'> & Partial<Dependencies>): Express =>
  createSubscriber({
    service: 'email-notification-service',
    handleOnce: (_event, _signal, work) => work(),
    deadLetter: async () => {},
    ready: async () => {},
    logger: captureLog().logger,
    pubsubName: 'pubsub',
    appApiToken: undefined,
    eventsPerDelivery: 1,
    ...options,
  });
