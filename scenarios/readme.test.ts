import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Environment, readConfig } from '../common/config';
import { readEmailConfig } from '../email-notification-service/config';
import { readPushConfig } from '../push-notification-service/config';
import { type LocalStack, startLocalStack } from './stacks/local-stack';
import { ROOT } from './stacks/root';
import type { Service } from './stacks/stack';

const english = readFileSync(join(ROOT, 'README.md'), 'utf8');
const japanese = readFileSync(join(ROOT, 'README.ja.md'), 'utf8');

interface Block {
  language: string;
  text: string;
}

const blocks = (markdown: string): Block[] =>
  [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({ language, text }));

/** The cells of each row of each table, without heads. */
const tables = (markdown: string): string[][][] =>
  [...markdown.matchAll(/^\|.*\|\n\|[-|]+\|\n((?:\|.*\|\n)+)/gm)].map(([, body = '']) =>
    body
      .trim()
      .split('\n')
      .map((row) =>
        row
          .slice(1, -1)
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim()),
      ),
  );

const codeIn = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? '');
const commands = blocks(english).flatMap(({ language, text }) => (language === 'sh' ? text.trim().split('\n') : []));

describe('both languages', () => {
  test('When the two are compared, then they show the same commands and the same output', () => {
    expect(blocks(japanese)).toEqual(blocks(english));
  });

  test('When the two are compared, then their tables have the same rows, with the same code and the same statuses', () => {
    const essence = (markdown: string) =>
      tables(markdown).map((rows) =>
        rows.map((cells) => [...codeIn(cells.join(' ')), ...(cells.join(' ').match(/\b[1-5]\d\d\b/g) ?? [])].sort()),
      );
    expect(essence(japanese)).toEqual(essence(english));
  });

  test('When the two are compared, then they have the same sections', () => {
    const levels = (markdown: string) => [...markdown.matchAll(/^(#+) /gm)].map(([, hashes]) => hashes);
    expect(levels(japanese)).toEqual(levels(english));
  });
});

describe('what the README names', () => {
  test('When a path is named in the layout, then it is there', () => {
    const layout = tables(english)[0] ?? [];
    const paths = layout.flatMap(([first = '']) => codeIn(first));
    expect(paths.length).toBeGreaterThan(8);
    for (const path of paths) expect(existsSync(join(ROOT, path)), path).toBe(true);
  });

  test('When a file is linked, then it is there', () => {
    for (const markdown of [english, japanese]) {
      const links = [...markdown.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, link]) => link ?? '');
      for (const link of links) expect(existsSync(join(ROOT, link)), link).toBe(true);
    }
  });

  test('When an npm command is shown, then there is such a script', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    for (const command of commands.filter((line) => line.startsWith('npm '))) {
      const [, script] =
        /(?:&& )?npm (?:run )?(start|test|dev|check|test:dapr|test:compose|bench|chaos|replay|dead-letters)(?: email-notification-service)?$/.exec(
          command,
        ) ?? [];
      expect(scripts, command).toHaveProperty([script ?? command]);
    }
  });

  test('When a variable is listed, then the service reads it, with that default', () => {
    /** What a table lists, and what the service asks the environment for. */
    const compare = <T>(first: string, read: (env: Environment) => T) => {
      const rows = tables(english).find((table) => table[0]?.[0] === `\`${first}\``) ?? [];
      const shown = Object.fromEntries(
        rows.map(([name = '', value = '']) => [codeIn(name)[0], value.replaceAll('`', '')]),
      );
      const asked: string[] = [];
      const defaults = read(new Proxy({}, { get: (_, name) => void asked.push(String(name)) }));
      expect(asked.sort()).toEqual(Object.keys(shown).sort());
      return { defaults, shown };
    };
    const { defaults, shown } = compare('APP_PORT', (env) => readConfig(env, { appPort: 8080 }));
    expect(shown).toMatchObject({
      LISTEN_ADDRESS: defaults.listenAddress,
      DAPR_HTTP_PORT: String(defaults.daprHttpPort),
      EVENTS_PER_DELIVERY: String(defaults.eventsPerDelivery),
      PUBSUB_NAME: defaults.pubsubName,
      STATESTORE_NAME: defaults.stateStoreName,
      LOG_LEVEL: defaults.logLevel,
    });
    const email = compare('SMTP_URL', readEmailConfig);
    const { smtpUrl, from, domain } = email.defaults;
    expect(email.shown).toEqual({ SMTP_URL: smtpUrl, EMAIL_FROM: from, EMAIL_DOMAIN: domain });
    const push = compare('PUSH_URL', readPushConfig);
    const { pushUrl, topicPrefix } = push.defaults;
    expect(push.shown).toEqual({ PUSH_URL: pushUrl, PUSH_TOPIC_PREFIX: topicPrefix, PUSH_TOKEN: 'none' });
  });
});

describe('what the README shows', () => {
  let stack: LocalStack;
  beforeAll(async () => {
    stack = await startLocalStack();
  });
  afterAll(() => stack.stop());

  /** Runs a command of the README, on the ports of this stack. */
  const run = async (command: string): Promise<string> => {
    const [, script, service] = /^npm run (dead-letters|replay) (\S+)$/.exec(command) ?? [];
    if (script)
      return (await stack.replay(service as Service, ...(script === 'dead-letters' ? ['--list'] : []))).output;
    const ours = command
      .replace('localhost:8080', stack.facadeUrl.replace('http://', ''))
      .replace('localhost:3500', stack.facadeSidecarUrl.replace('http://', ''))
      .replace('localhost:8025', stack.inbox.mailUrl.replace('http://', ''))
      .replace('sleep 10', 'sleep 2');
    return (await promisify(execFile)('sh', ['-c', ours])).stdout;
  };

  /** The output to expect, as a pattern: what differs from run to run may be anything of its kind. */
  const pattern = (output: string) =>
    new RegExp(
      output
        .trim()
        .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
        .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '[0-9a-f-]{36}'),
    );

  test('When the hint of npm start is compared, then the README shows that line', () => {
    const [hint] = stack.output.filter((line) => line.startsWith('try:'));
    expect(blocks(english).map(({ text }) => text.trim())).toContain(hint);
    expect(commands).toContain(hint?.replace('try:   ', ''));
  });

  test('When the curl is run, then the answer and the three access log lines are those that are shown', async () => {
    const curl = commands.find((command) => command.startsWith('curl')) ?? '';
    const answer = await run(curl);
    const outputs = blocks(english)
      .filter(({ language }) => language === 'text')
      .map(({ text }) => text);
    expect(answer).toMatch(pattern(outputs.find((text) => text.startsWith('{"id"')) ?? 'none'));

    const { id } = JSON.parse(answer);
    const shown = (outputs.find((text) => text.startsWith('== APP')) ?? '').trim().split('\n');
    expect(shown).toHaveLength(3);
    for (const line of shown) {
      const [, service, request] = /^== APP - ([\w-]+) == .*: ((?:GET|POST) \S+ \d+) /.exec(line) ?? [];
      await vi.waitFor(() =>
        expect(stack.log).toContainEqual(
          expect.objectContaining({ service, eventId: id, msg: expect.stringContaining(request ?? 'none') }),
        ),
      );
    }
    // In the README itself the ids of the three lines agree with each other and with the answer.
    expect(new Set(shown.map((line) => /event=(\S+) trace=(\S+)$/.exec(line)?.slice(1).join())).size).toBe(1);
    expect(outputs.find((text) => text.startsWith('{"id"'))).toContain(/event=(\S+)/.exec(shown[0] ?? '')?.[1]);
  });

  const acts = english
    .slice(english.indexOf('## Break it yourself'), english.indexOf('**5.'))
    .split(/^\*\*\d\. /m)
    .slice(1)
    .map((act) => {
      const [shell, output] = blocks(act).map(({ text }) => text.trim().split('\n'));
      return { title: act.slice(0, act.indexOf('**')), shell: shell ?? [], output: output ?? [] };
    });

  test('When the acts are counted, then there are four that npm start can play', () => {
    expect(acts.map(({ shell, output }) => shell.length > 0 && output.length > 0)).toEqual([true, true, true, true]);
  });

  test.each(acts)(
    'When somebody breaks it as described: $title then what is shown happens, and nothing is lost or doubled',
    async ({ shell, output }) => {
      const before = stack.log.length;
      const answers: string[] = [];
      for (const command of shell) {
        answers.push(await run(command));
        const { id } = /"id":/.test(answers.at(-1) ?? '') ? JSON.parse(answers.at(-1) ?? '') : { id: undefined };
        // The next command comes from a person, who is slower than this.
        if (id && shell.some((line) => line.includes('chaos'))) {
          await vi.waitFor(
            () =>
              expect(stack.log.slice(before).map(({ msg }) => msg)).toContainEqual(expect.stringMatching(/e-mail: /)),
            { timeout: 10_000 },
          );
        }
      }
      for (const line of output) {
        await vi.waitFor(
          () => expect([...answers, ...stack.log.slice(before).map(({ msg }) => msg)].join('\n')).toContain(line),
          { timeout: 15_000 },
        );
      }
      const ids = new Set(answers.flatMap((answer) => /"id":"([^"]+)","follower"/.exec(answer)?.[1] ?? []));
      for (const id of ids) {
        await vi.waitFor(async () => expect(await stack.inbox.mailsOf(id)).toHaveLength(1), { timeout: 15_000 });
        const pushes = await stack.inbox.pushes('bob');
        expect(pushes.filter(({ sequence_id }) => sequence_id === id)).toHaveLength(1);
      }
    },
    60_000,
  );

  const rows = (tables(english).find((table) => table[0]?.[0]?.startsWith('`POST /followers`')) ?? []).map(
    ([request = '', answer = '']) => ({ request, status: Number(/\b[1-5]\d\d\b/.exec(answer)?.[0]) }),
  );
  // How each row of the table is asked for; a row without an entry here fails the test below.
  const json = (body: string, headers = {}): RequestInit => ({
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  const follow = '{"follower": "carol", "followee": "dave"}';
  const asked: Record<string, RequestInit | undefined> = {
    'without a body': { method: 'POST' },
    [`with \`${follow}\``]: json(follow),
    'Idempotency-Key': json(follow, { 'idempotency-key': 'KEY' }),
    'names that are not': json('{"follower": "a b", "followee": "bob"}'),
    'broken JSON': json('{"follower"'),
    'more than 16 KiB': json(`"${'x'.repeat(16 * 1024)}"`),
    'a body that is not `application/json`': { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } },
    'GET ': {},
  };

  // The row about a sidecar that is not there has a scenario of its own, in life-cycle.test.ts.
  test.each(rows.filter(({ status }) => status !== 503))(
    'When somebody asks $request, then the status is $status',
    async ({ request, status }) => {
      const [key] = Object.keys(asked).filter((part) => request.includes(part));
      expect(key, request).toBeDefined();
      const path = /(?:GET|POST) (\/[\w-]+)/.exec(request)?.[1] ?? '/followers';
      const res = await fetch(stack.facadeUrl + path, asked[key ?? '']);
      expect(res.status).toBe(status);
      if (status >= 400) expect(res.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    },
  );
});
