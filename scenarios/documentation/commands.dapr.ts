import { describe, expect, test, vi } from 'vitest';
import { RedisServer } from '../../local/testing/redis-server';
import { writeRunFile } from '../stacks/local-stack';
import { missingForDapr } from '../stacks/redis-stack';
import { ROOT } from '../stacks/root';
import { startCommand } from '../stacks/shell-command';
import { commands, readPage } from './markdown';

describe.skipIf(missingForDapr)('dapr run [needs the dapr CLI, daprd and redis-server]', () => {
  test('When dapr.yaml runs on real Dapr as the README says, then a follow reaches both services', async () => {
    expect(commands(readPage('README.md'))).toContain('dapr run -f .');
    const redis = await RedisServer.start();
    let facadeUrl = '';
    const runFile = await writeRunFile((file) => {
      facadeUrl = `http://127.0.0.1:${file.apps.find(({ appID }) => appID === 'api-facade')?.appPort}`;
    });
    const env = { ...process.env, REDIS_HOST: `127.0.0.1:${redis.port}` };
    const { child, result } = startCommand('dapr', ['run', '-f', runFile.path], { cwd: ROOT, env });
    try {
      const ready = async () => expect((await fetch(`${facadeUrl}/readyz`)).status).toBe(200);
      await vi.waitFor(ready, { timeout: 60_000, interval: 200 });
      const answer = await fetch(`${facadeUrl}/followers`, { method: 'POST' });
      expect(answer.status).toBe(202);
      const { id } = (await answer.json()) as { id: string };
      await vi.waitFor(async () => expect(await runFile.inbox.mailsOf(id)).toHaveLength(1), { timeout: 20_000 });
      await vi.waitFor(async () => expect(await runFile.inbox.pushes('bob')).toHaveLength(1), { timeout: 20_000 });
    } finally {
      child.kill('SIGINT');
      await result;
      runFile.remove();
      await redis.kill();
    }
  }, 120_000);
});
