import type { Defaults } from '../config';
import { createSubscriber, subscribedTopics } from '../dapr/subscriber';
import type { Subscription } from '../dapr/subscription';
import { createClaims } from '../once/claims';
import { createHandleOnce } from '../once/handle-once';
import { type Parts, runService } from './run-service';

/**
 * Runs a service that subscribes to topics, until it is told to stop. Each event is handled once: its claim is taken
 * before the work and marked after it. At a stop, events in progress are finished before the ends that `wire` has
 * added with `onStop` run.
 *
 * @param wire returns the subscriptions; it reads the service's own configuration and adds ends with `onStop`
 */
export function runSubscriber(
  service: string,
  defaults: Defaults,
  wire: (parts: Pick<Parts, 'env' | 'logger' | 'onStop'>) => readonly Subscription[],
): Promise<void> {
  return runService(service, defaults, ({ config, env, dapr, logger, unlessStopping, onStop }) => {
    const { handleOnce, idle } = createHandleOnce(createClaims(dapr, logger), logger);
    onStop(idle);
    const subscriptions = wire({ env, logger, onStop });
    const topics = subscribedTopics(service, subscriptions, config.eventsPerDelivery);
    return createSubscriber({
      service,
      subscriptions,
      handleOnce,
      moveTo: dapr.publishUnchanged,
      ready: unlessStopping(() => dapr.readyToReceive(topics)),
      logger,
      ...config,
    });
  });
}
