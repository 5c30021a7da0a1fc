import { FOLLOWER_ADDED } from '../common/follow';
import { runService } from '../common/service';
import { createApp, SERVICE } from './app';
import { createSendPush } from './send-push';

void runService(SERVICE, { appPort: 8082 }, ({ config, dapr, logger, unlessStopping }) =>
  createApp({
    notify: createSendPush(logger),
    ready: unlessStopping(() => dapr.readyToReceive(FOLLOWER_ADDED)),
    logger,
    ...config,
  }),
);
