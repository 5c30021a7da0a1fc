import { runSubscriber } from '../common/service/run-subscriber';
import { readPushConfig } from './config';
import { createPushSender } from './send-push';
import { subscriptions } from './subscriptions';

void runSubscriber('push-notification-service', { appPort: 8082 }, ({ env, logger }) => {
  const { sendPush } = createPushSender(readPushConfig(env), logger);
  return subscriptions(sendPush);
});
