import { setTimeout as sleep } from 'node:timers/promises';
import { kubectl, kubectlWithInput } from './kubectl';
import { portForward } from './port-forward';
import { SUBSCRIBERS } from './stack';
import { StreamMonitor } from './stream-monitor';

/** The broker in the cluster, without a sidecar. */
export interface Broker {
  /** Puts an event on followerAdded. */
  publish(event: object): Promise<void>;
  /**
   * Resolves when the subscribers have acknowledged all events, with that time in milliseconds since the epoch.
   *
   * @throws {Error} when that takes longer than `withinMs`
   */
  waitUntilDrained(withinMs: number): Promise<number>;
  close(): void;
}

/** Connects to the Redis of an overlay. */
export async function redisBroker(): Promise<Broker> {
  const forward = await portForward('pod/redis-0', 6379);
  const monitor = await StreamMonitor.connect(forward.port);
  return {
    async publish(event) {
      await kubectl('exec', 'redis-0', '--', 'redis-cli', 'XADD', 'followerAdded', '*', 'data', JSON.stringify(event));
    },
    waitUntilDrained: (withinMs) => monitor.waitUntilDrained(withinMs),
    close() {
      monitor.close();
      forward.close();
    },
  };
}

const TOOLS = '/opt/kafka/bin';
const SERVER = ['--bootstrap-server', 'localhost:9092'];

/** Returns the Kafka of an overlay. It runs Kafka's own tools in the container of the broker. */
export function kafkaBroker(): Broker {
  /** Resolves with the number of events on the topics of the subscribers that they have not acknowledged. */
  const lag = async () => {
    const describe = [`${TOOLS}/kafka-consumer-groups.sh`, ...SERVER, '--describe', '--all-groups'];
    const rows = (await kubectl('exec', 'kafka-0', '--', ...describe)).split('\n').map((row) => row.split(/\s+/));
    return rows
      .filter(([group = '']) => (SUBSCRIBERS as readonly string[]).includes(group))
      .reduce((sum, [, , , , end, lag]) => sum + Number(lag === '-' ? end : lag), 0);
  };
  return {
    async publish(event) {
      const produce = [`${TOOLS}/kafka-console-producer.sh`, ...SERVER, '--topic', 'followerAdded'];
      await kubectlWithInput(`${JSON.stringify(event)}\n`, 'exec', '--stdin', 'kafka-0', '--', ...produce);
    },
    async waitUntilDrained(withinMs) {
      for (const deadline = Date.now() + withinMs; ; await sleep(1_000)) {
        const left = await lag();
        if (left === 0) return Date.now();
        if (Date.now() > deadline) throw new Error(`${left} events are not acknowledged within ${withinMs} ms`);
      }
    },
    close() {},
  };
}
