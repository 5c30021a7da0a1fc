import { afterAll, describe, test } from 'vitest';
import { record, writeRecording } from './record';
import { type BrokerName, brokersOf, type Case, type Observation, readRecording } from './recording';
import { hasRedisServer, RedisServer } from './redis-server';
import { replay } from './replay';
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

const TIMEOUT_MS = 90_000;
const recordings = new Map<string, Partial<Record<BrokerName, Observation>>>();

/** One test for each recorded case of a broker: what was recorded from daprd happens again. */
export function testContract(options: ContractOptions): void {
  const { broker, createSidecar, deliberate, recordTo } = options;
  const needsRedis = broker === 'redis';
  const missing = options.missing ?? (needsRedis && !hasRedisServer() ? 'redis-server is not installed' : undefined);
  const servers = new Servers();

  describe.concurrent(`recorded from daprd, broker ${broker}`, { timeout: TIMEOUT_MS }, () => {
    afterAll(async () => {
      await servers.stop();
      if (recordTo !== undefined) writeRecording(recordTo, recordings, options.version ?? '');
    });
    for (const recorded of readRecording().cases.filter((one) => brokersOf(one).includes(broker))) {
      const { group, name, about, timing } = recorded;
      const title = `${group}/${name}: ${about}`;
      const reason = missing ?? deliberate[name];
      if (reason !== undefined) {
        test.skip(`${title} [${reason}]`);
        continue;
      }
      // A machine that is busy elsewhere may delay a delivery by more than the tolerance: then it is measured once more.
      test(title, { retry: timing ? 1 : 0 }, async ({ expect }) => {
        const redis = needsRedis ? await servers.take() : undefined;
        const how = { broker, redis, createSidecar: (settings: SidecarSettings) => createSidecar(recorded, settings) };
        try {
          if (recordTo === undefined) expect(await replay(recorded, how)).toEqual([]);
          else recordings.set(name, { ...recordings.get(name), [broker]: await record(recorded, how) });
        } finally {
          if (redis) servers.giveBack(redis);
        }
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
