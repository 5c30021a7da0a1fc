import { deadLetterTopic } from '../common/dapr/subscriber';
import { FOLLOWER_ADDED } from '../common/follow';
import { runService } from '../common/service/run-service';
import { createApp } from './app';
import { Generation } from './generation';
import { Replay } from './replay';
import { readArguments, UsageError } from './usage';
import { watch } from './watch';

function main(): void {
  const { service, listOnly } = readArguments(process.argv.slice(2));
  const topic = deadLetterTopic(service);
  const print = (line: string) => console.log(line);

  void runService(
    `${service}-replay`,
    { appPort: 8083, logLevel: 'warn' },
    ({ config, dapr, logger, unlessStopping }) => {
      const generation = new Generation(topic, dapr);
      const replay = new Replay({ service, route: FOLLOWER_ADDED, dapr, listOnly, print });
      const ready = () => dapr.readyToReceive(topic);
      const finish = async () => {
        // Nothing was found, nothing was returned: the topics stay as they are.
        if (replay.counts.found > 0) await generation.advance();
        await dapr.shutDown();
      };
      void watch({ replay, ready, finish, listOnly, print });
      return createApp({
        topics: () => generation.topics(),
        take: (event) => replay.take(event),
        ready: unlessStopping(ready),
        logger,
        ...config,
      });
    },
  );
}

try {
  main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
