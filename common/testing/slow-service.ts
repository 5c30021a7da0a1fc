// A service for run-subscriber.test.ts, which runs it as a process. Its handler waits for the answer of the URL in the event.
import { subscription } from '../dapr/subscription';
import { runSubscriber } from '../service/run-subscriber';

void runSubscriber('slow-service', { appPort: 8080 }, ({ logger, onStop }) => {
  onStop(() => logger.info('closed'));
  return [
    subscription({
      topic: 'urls',
      route: '/urls',
      parse: (data) => new URL(String(data)),
      handle: async (url) => {
        await fetch(url);
        logger.info('handled');
      },
    }),
  ];
});
