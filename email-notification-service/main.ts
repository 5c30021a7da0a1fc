import { deadLetterTopic } from '../common/dapr/subscriber';
import { FOLLOWER_ADDED } from '../common/follow';
import { createClaims } from '../common/once/claims';
import { notifyOnce } from '../common/once/notify-once';
import { runService } from '../common/service/run-service';
import { createApp, SERVICE } from './app';
import { readEmailConfig } from './config';
import { createEmailSender } from './send-email';

void runService(SERVICE, { appPort: 8081 }, ({ config, env, dapr, logger, unlessStopping, onStop }) => {
  const { sendEmail, close } = createEmailSender(readEmailConfig(env), logger);
  const { notify, idle } = notifyOnce(sendEmail, createClaims(dapr, logger), logger);
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
