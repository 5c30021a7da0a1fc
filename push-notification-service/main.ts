import { createClaims } from '../common/claims';
import { FOLLOWER_ADDED } from '../common/follow';
import { notifyOnce } from '../common/notify-once';
import { runService } from '../common/service';
import { deadLetterTopic } from '../common/subscriber';
import { createApp, SERVICE } from './app';
import { readPushConfig } from './config';
import { createPushSender } from './send-push';

void runService(SERVICE, { appPort: 8082 }, ({ config, env, dapr, logger, unlessStopping, onStop }) => {
  const { sendPush, close } = createPushSender(readPushConfig(env), logger);
  const { notify, idle } = notifyOnce(sendPush, createClaims(dapr, logger), logger);
  onStop(idle);
  onStop(close);
  return createApp({
    notify,
    deadLetter: (event) => dapr.publishEvent(deadLetterTopic(SERVICE), event),
    ready: unlessStopping(() => dapr.readyToReceive(FOLLOWER_ADDED)),
    logger,
    ...config,
  });
});
