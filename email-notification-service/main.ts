import { FOLLOWER_ADDED } from '../common/follow';
import { runService } from '../common/service';
import { createApp, SERVICE } from './app';
import { createSendEmail } from './send-email';

void runService(SERVICE, { appPort: 8081 }, ({ config, dapr, logger, unlessStopping }) =>
  createApp({
    notify: createSendEmail(logger),
    ready: unlessStopping(() => dapr.readyToReceive(FOLLOWER_ADDED)),
    logger,
    ...config,
  }),
);
