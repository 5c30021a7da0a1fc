import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { RedisServer } from '../local/testing/redis-server';
import { describeAccount, settle } from './accounting/account';
import { postFollows } from './accounting/traffic';
import { copyComponents, stackFolder } from './stacks/dapr-run';
import { writeRunFile } from './stacks/local-stack';
import { missingForDapr } from './stacks/redis-stack';
import { ROOT } from './stacks/root';
import { type RunningCommand, startCommand } from './stacks/shell-command';
import { StreamMonitor } from './stacks/stream-monitor';

const FOLLOWS = 600;
/** The stop meets deliveries in progress when this number of mails has arrived. */
const MAILS_BEFORE_STOP = 100;

describe.skipIf(missingForDapr)('dapr run -f . [needs the dapr CLI, daprd and redis-server]', () => {
  test('When Ctrl-C stops it under load, then after the next start nothing is lost or doubled', async () => {
    const folder = stackFolder();
    const redis = await RedisServer.start(folder);
    const broker = await StreamMonitor.connect(redis.port);
    const components = copyComponents(folder, redis.port, 30_000);
    let facadeUrl = '';
    let inboxArguments: string[] = [];
    const runFile = await writeRunFile((file) => {
      file.common.resourcesPaths = ['common', 'redis'].map((name) => join(components, name));
      inboxArguments = file.apps.find(({ appID }) => appID === 'inbox')?.command.slice(1) ?? [];
      // The inbox keeps its mails in memory, so it must not end at the stop.
      file.apps = file.apps.filter(({ appID }) => appID !== 'inbox');
      facadeUrl = `http://127.0.0.1:${file.apps.find(({ appID }) => appID === 'api-facade')?.appPort}`;
    });
    const { inbox } = runFile;
    const inboxProcess = spawn(process.execPath, inboxArguments, { cwd: ROOT, stdio: 'ignore' });
    const ready = async () => {
      await inbox.ready();
      const facadeReady = async () => expect((await fetch(`${facadeUrl}/readyz`)).status).toBe(200);
      await vi.waitFor(facadeReady, { timeout: 60_000, interval: 200 });
    };
    /** Sends SIGINT to the whole process group, as Ctrl-C in a terminal does. */
    const stop = async ({ child, result }: RunningCommand) => {
      process.kill(-(child.pid ?? 0), 'SIGINT');
      await result;
    };
    const startRun = () => startCommand('dapr', ['run', '-f', runFile.path], { cwd: ROOT, detached: true });
    let run = startRun();
    try {
      await ready();
      const posting = postFollows({ facadeUrl }, { follows: FOLLOWS, repeated: 0, maxConcurrent: 24 });
      const mails = async () => expect((await inbox.mails()).length).toBeGreaterThan(MAILS_BEFORE_STOP);
      await vi.waitFor(mails, { timeout: 30_000, interval: 20 });
      await stop(run);
      run = startRun();
      await ready();
      const accepted = await posting;
      const replay = async () => ({ code: 0, output: '' });
      const waitUntilDrained = broker.waitUntilDrained.bind(broker);
      const account = await settle({ inbox, replay, waitUntilDrained }, accepted, { deadlineMs: 200_000 });
      console.log(describeAccount(account));
      expect(account).toMatchObject({ accepted: FOLLOWS, lost: 0, doubled: 0 });
    } finally {
      await stop(run);
      inboxProcess.kill();
      broker.close();
      await redis.kill();
      runFile.remove();
    }
  }, 400_000);
});
