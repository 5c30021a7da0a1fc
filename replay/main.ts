import { replayOf } from '../common/dapr/callers';
import { deadLetterTopic } from '../common/dapr/subscriber';
import { runService } from '../common/service/run-service';
import { createApp } from './app';
import { KeptTopics } from './kept-topics';
import { Replay } from './replay';
import { withArguments } from './usage';
import { watch } from './watch';

withArguments(({ service, task }) =>
  runService(replayOf(service), { appPort: 8083, logLevel: 'warn' }, ({ config, dapr, logger, unlessStopping }) => {
    const keptTopics = new KeptTopics(deadLetterTopic(service), dapr);
    const topics = () => keptTopics.topics();
    const print = (line: string) => console.log(line);
    const keep = async (event: object) => dapr.publishUnchanged((await topics()).kept, event);
    const replay = new Replay({ service, task, dapr, keep, print });
    const ready = async () => dapr.readyToReceive((await topics()).read);

    void watch({ replay, service, task, ready, print }).then(async ({ code, complete }) => {
      process.exitCode = code;
      // Until the topics are read to the end, the next run must read them again.
      if (complete) {
        await keptTopics
          .close()
          .catch(({ message }: Error) => logger.warn(`the next run reads more topics: ${message}`));
      }
      // When the sidecar ends first, the dapr CLI exits with 0. So a run that has failed ends by itself. So does every
      // run on Kubernetes: it starts a sidecar again that ends first, and stops the sidecar of a program that has ended.
      if (code === 0 && process.env.KUBERNETES_SERVICE_HOST === undefined) await dapr.shutDown();
      else process.kill(process.pid, 'SIGTERM');
    });
    return createApp({
      topics,
      take: (event) => replay.take(event),
      ready: unlessStopping(ready),
      logger,
      ...config,
    });
  }),
);
