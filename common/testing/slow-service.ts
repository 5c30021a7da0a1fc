// A service for run-subscriber.test.ts, which runs it as a process. Its handler waits for the answer of the URL in the event.
import { pbkdf2 } from 'node:crypto';
import { subscription } from '../dapr/subscription';
import { runSubscriber } from '../service/run-subscriber';

void runSubscriber('slow-service', { appPort: 8080 }, ({ logger, onStop }) => {
  onStop(() => {
    // All threads that write files are busy for a moment, so the first line is still being written when this returns.
    for (let i = 0; i < 4; i += 1) pbkdf2('x', 'y', 50_000, 64, 'sha512', () => {});
    logger.info('closing');
    logger.info('closed');
  });
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
