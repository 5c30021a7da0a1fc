import { afterAll, describe, test } from 'vitest';
import { hasRedisServer, RedisServer } from '../testing/redis-server';
import { Quiet } from './quiet';
import { record, writeRecording } from './record';
import { type BrokerName, brokersOf, type Case, type Observation, readRecording } from './recording';
import { type ReplayOptions, replay } from './run-case';
import type { SidecarSettings, SidecarUnderTest } from './sidecars';

export interface ContractOptions {
  broker: BrokerName;
  createSidecar: (recorded: Case, settings: SidecarSettings) => SidecarUnderTest;
  /** Cases in which the sidecar is meant to differ, and why. */
  deliberate: Readonly<Record<string, string>>;
  /** Why none of it can be run here. */
  missing?: string | undefined;
  /** A file for what happens now; then nothing is compared. */
  recordTo?: string | undefined;
  version?: string;
}

const TIMEOUT_MS = 180_000;
const ATTEMPTS_ALONE = 2;
const recordings = new Map<string, Partial<Record<BrokerName, Observation>>>();

/** One test for each recorded case of a broker: what was recorded from daprd happens again. */
export function testContract(options: ContractOptions): void {
  const { broker, createSidecar, deliberate, recordTo } = options;
  const needsRedis = broker === 'redis';
  const missing = options.missing ?? (needsRedis && !hasRedisServer() ? 'redis-server is not installed' : undefined);
  const servers = new Servers();
  const quiet = new Quiet();

  describe.concurrent(`recorded from daprd, broker ${broker}`, { timeout: TIMEOUT_MS }, () => {
    afterAll(async () => {
      await servers.stop();
      if (recordTo !== undefined) writeRecording(recordTo, recordings, options.version ?? '');
    });
    for (const recorded of readRecording().cases.filter((one) => brokersOf(one).includes(broker))) {
      const { group, name, about } = recorded;
      const title = `${group}/${name}: ${about}`;
      const reason = missing ?? deliberate[name];
      if (reason !== undefined) {
        test.skip(`${title} [${reason}]`);
        continue;
      }
      const createFor = (settings: SidecarSettings) => createSidecar(recorded, settings);
      const withRedis = async <T>(run: (how: ReplayOptions) => Promise<T>): Promise<T> => {
        const redis = needsRedis ? await servers.take() : undefined;
        try {
          return await run({ broker, redis, createSidecar: createFor });
        } finally {
          if (redis) servers.giveBack(redis);
        }
      };
      const differences = () => withRedis((how) => replay(recorded, how)).catch((error: Error) => [error.message]);

      test(title, async ({ expect }) => {
        if (recordTo !== undefined) {
          const observation = await quiet.shared(() => withRedis((how) => record(recorded, how)));
          recordings.set(name, { ...recordings.get(name), [broker]: observation });
          return;
        }
        let different = await quiet.shared(differences);
        // A machine that is busy may take longer than a recorded delay allows. So what differs is run again, alone.
        for (let left = ATTEMPTS_ALONE; different.length > 0 && left > 0; left--) {
          console.log(`again, alone: ${title}\n  ${different.join('\n  ')}`);
          different = await quiet.exclusive(differences);
        }
        expect(different).toEqual([]);
      });
    }
  });
}

/** As many Redis servers as there are cases at a time. */
class Servers {
  private readonly idle: RedisServer[] = [];
  private readonly all: RedisServer[] = [];

  async take(): Promise<RedisServer> {
    const idle = this.idle.pop();
    if (idle) return idle;
    const server = await RedisServer.start();
    this.all.push(server);
    return server;
  }

  giveBack(server: RedisServer): void {
    this.idle.push(server);
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((server) => server.kill()));
  }
}
