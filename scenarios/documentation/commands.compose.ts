import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { missingForCompose } from '../stacks/compose-requirements';
import { ComposeStack, startComposeStack } from '../stacks/compose-stack';
import { composeVariables, freePorts } from '../stacks/compose-variables';
import { postFollow } from '../stacks/post-follow';
import { SERVICES } from '../stacks/stack';
import { HERE, killExperiment, MEMORY, SECOND_COPY } from './docker-commands';

// Runs the docker commands of README.md and docs/ word for word, on a project with other ports.

const missing = missingForCompose();
describe.skipIf(missing)(`The docker commands [${missing ?? 'available'}]`, () => {
  let stack: ComposeStack;
  beforeAll(async () => {
    stack = await startComposeStack();
  }, 600_000);
  afterAll(() => stack?.stop(), 60_000);

  test('When the log is searched for event ids, then the lines are JSON, of all three services', async () => {
    await stack.shell('curl -sS -X POST localhost:8080/followers');
    await vi.waitFor(
      async () => {
        const { output } = await stack.shell(HERE[0] ?? '');
        const services = output
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line).service);
        expect(new Set(services)).toEqual(new Set(SERVICES));
      },
      { timeout: 20_000, interval: 500 },
    );
  }, 40_000);

  test.each(Object.entries(MEMORY))(
    'When the memory of Redis is looked at with %s, then the output is that of Redis',
    async (command, part) => {
      // Without a terminal, exec needs -T.
      const { code, output } = await stack.shell(command.replace('exec redis', 'exec -T redis'));
      expect(code, output).toBe(0);
      expect(output).toContain(part);
    },
  );

  test('When a service is scaled, then it has three containers', async () => {
    expect((await stack.shell(HERE[1] ?? '')).code).toBe(0);
    const containers = await stack.containers();
    expect(containers.filter(({ Service }) => Service === 'email-notification-service')).toHaveLength(3);
    await stack.shell('docker compose up --detach --scale email-notification-service=1');
  }, 120_000);

  test('When a second copy is started beside this one, then each has its own follows, image and volumes', async () => {
    const second = new ComposeStack({
      ...stack.options,
      project: `${stack.options.project}-second`,
      ports: await freePorts(),
    });
    // The project and the ports of the command are those of other copies on this machine, too.
    const { COMPOSE_PROJECT_NAME, FACADE_PORT, MAILPIT_PORT, NTFY_PORT } = composeVariables(second.options);
    const command = SECOND_COPY.replace('=second', `=${COMPOSE_PROJECT_NAME}`)
      .replace('8180', `${FACADE_PORT}`)
      .replace('8125', `${MAILPIT_PORT}`)
      .replace('8190', `${NTFY_PORT}`);
    try {
      const { code, output } = await stack.shell(command);
      expect(code, output).toBe(0);
      const { body } = await postFollow(second, { follower: 'second', followee: 'copy' });
      await vi.waitFor(async () => expect(await second.inbox.mailsOf(body.id)).toHaveLength(1), { timeout: 20_000 });
      expect(await stack.inbox.mailsOf(body.id)).toEqual([]);
      expect(await second.image()).not.toBe(await stack.image());
      for (const service of SERVICES) expect(await stack.isHealthy(service), service).toBe(true);
    } finally {
      await second.down();
    }
  }, 300_000);

  test('When a service is killed while it sends a mail, then the mail arrives once, two minutes later', async () => {
    const [shell, output] = killExperiment.map(({ text }) => text.trim().split('\n'));
    const emailLog = async () =>
      (await stack.shell('docker compose logs --no-log-prefix email-notification-service')).output;
    let id = '';
    for (const command of shell ?? []) {
      const result = await stack.shell(command);
      expect(result.code, `${command}\n${result.output}`).toBe(0);
      if (!command.includes('/followers')) continue;
      id = /"id":"([^"]+)"/.exec(result.output)?.[1] ?? '';
      const retried = new RegExp(`"eventId":"${id}".*will be retried: e-mail`);
      await vi.waitFor(async () => expect(await emailLog()).toMatch(retried), { timeout: 20_000, interval: 500 });
    }
    await vi.waitFor(async () => expect(await stack.inbox.mailsOf(id)).toHaveLength(1), {
      timeout: 200_000,
      interval: 1_000,
    });
    for (const line of output ?? []) expect(await emailLog()).toContain(line);
    expect(await stack.inbox.mailsOf(id)).toHaveLength(1);
  }, 300_000);
});
