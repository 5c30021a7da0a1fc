import { runService } from '../common/service/run-service';
import { createApp } from './app';
import { createPublishFollowerAdded } from './publish-follower-added';

void runService('api-facade', { appPort: 8080 }, ({ config, dapr, logger, unlessStopping }) =>
  createApp({
    publish: createPublishFollowerAdded(dapr),
    ready: unlessStopping(dapr.readyToPublish),
    logger,
    listenAddress: config.listenAddress,
  }),
);
