import { afterAll, describe, test } from 'vitest';
import { hasRedisServer, RedisServer } from '../testing/redis-server';
import { findDifferences, matchOptionsOf } from './match';
import { record, writeRecording } from './record';
import { type BrokerName, brokersOf, type Case, type Observation, observationOf, readCases } from './recording';
import { type CaseOptions, runCase } from './run-case';
import { SharedLock } from './shared-lock';
import type { SidecarSettings, SidecarUnderTest } from './sidecars';

export interface ContractOptions {
  broker: BrokerName;
  createSidecar: (recorded: Case, settings: SidecarSettings) => SidecarUnderTest;
  /** The names of the cases in which the sidecar deliberately differs, each with the reason. */
  deliberate: Readonly<Record<string, string>>;
  /** The reason why no case can run on this machine. */
  missing?: string | undefined;
  /** The folder for a new recording. If it is given, nothing is compared. */
  recordTo?: string | undefined;
  version?: string;
}

const TIMEOUT_MS = 180_000;
const ATTEMPTS_ALONE = 2;
const recordings = new Map<string, Partial<Record<BrokerName, Observation>>>();

/** Declares one test for each recorded case of a broker. It fails when the sidecar behaves differently from daprd. */
export function testContract(options: ContractOptions): void {
  const { broker, createSidecar, deliberate, recordTo } = options;
  const needsRedis = broker === 'redis';
  const missing = options.missing ?? (needsRedis && !hasRedisServer() ? 'redis-server is not installed' : undefined);
  const servers = new Servers();
  const lock = new SharedLock();

  describe.concurrent(`recorded from daprd, broker ${broker}`, { timeout: TIMEOUT_MS }, () => {
    afterAll(async () => {
      await servers.stop();
      if (recordTo !== undefined) writeRecording(recordTo, recordings, options.version ?? '');
    });
    for (const recorded of readCases().filter((candidate) => brokersOf(candidate).includes(broker))) {
      const { group, name, about } = recorded;
      const title = `${group}/${name}: ${about}`;
      const reason = missing ?? deliberate[name];
      if (reason !== undefined) {
        test.skip(`${title} [${reason}]`);
        continue;
      }
      const createFor = (settings: SidecarSettings) => createSidecar(recorded, settings);
      const withRedis = async <T>(run: (caseOptions: CaseOptions) => Promise<T>): Promise<T> => {
        const redis = needsRedis ? await servers.take() : undefined;
        try {
          return await run({ broker, redis, createSidecar: createFor });
        } finally {
          if (redis) servers.giveBack(redis);
        }
      };
      const compare = () =>
        withRedis((caseOptions) => compareWithRecording(recorded, caseOptions)).catch((error: Error) => [
          error.message,
        ]);

      test(title, async ({ expect }) => {
        if (recordTo !== undefined) {
          const observation = await lock.shared(() => withRedis((caseOptions) => record(recorded, caseOptions)));
          recordings.set(name, { ...recordings.get(name), [broker]: observation });
          return;
        }
        let differences = await lock.shared(compare);
        // A busy machine may exceed a recorded delay. We therefore run a case that differs again, alone.
        for (let left = ATTEMPTS_ALONE; differences.length > 0 && left > 0; left--) {
          console.log(`the case differs and runs again, alone: ${title}\n  ${differences.join('\n  ')}`);
          differences = await lock.exclusive(compare);
        }
        expect(differences).toEqual([]);
      });
    }
  });
}

/** Resolves with one line for each difference between the recording and the behaviour now. */
async function compareWithRecording(recorded: Case, options: CaseOptions): Promise<string[]> {
  const expected = observationOf(recorded, options.broker);
  if (!expected) return [`nothing is recorded for the broker ${options.broker}`];
  const { observation, known, output } = await runCase(recorded, options);
  const differences = findDifferences(expected, observation, matchOptionsOf(recorded, known));
  return differences.length > 0 && output !== '' ? [...differences, output.trim().slice(-600)] : differences;
}

/** A pool of Redis servers, one for each case that runs at the moment. */
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
