import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type LocalStack, startLocalStack } from '../stacks/local-stack';
import { rawRequest, sendRaw } from '../stacks/raw-http';
import { runInShell } from '../stacks/shell-command';
import type { Service } from '../stacks/stack';
import { blocks, commands, readPage, tables } from './markdown';

// Plays what README.md and docs/ say about `npm start`. The Japanese pages have the same commands (languages.test.ts).

const readme = readPage('README.md');
const experimentsPage = readPage('docs/break-it.md');
const outputs = blocks(readme)
  .filter(({ language }) => language === 'text')
  .map(({ text }) => text.trim());

let stack: LocalStack;
beforeAll(async () => {
  stack = await startLocalStack();
});
afterAll(() => stack.stop());

/** Runs a command of a page on the ports of this stack, and resolves with its output. */
async function run(command: string): Promise<string> {
  const [, script, service, flags = ''] = /^npm run (dead-letters|replay) (\S+)(?: -- (.*))?$/.exec(command) ?? [];
  if (script) {
    const list = script === 'dead-letters' ? ['--list'] : [];
    return (await stack.replay(service as Service, ...list, ...flags.split(' ').filter(Boolean))).output;
  }
  const ours = command
    .replace('localhost:8080', stack.facadeUrl.replace('http://', ''))
    .replace('localhost:3500', stack.facadeSidecarUrl.replace('http://', ''))
    .replace('localhost:8025', stack.inbox.mailUrl.replace('http://', ''))
    .replace('curl ', 'curl -sS ')
    .replace('sleep 10', 'sleep 2');
  const { code, output } = await runInShell(ours);
  expect(code, command).toBe(0);
  return output;
}

describe('README.md', () => {
  test('When npm start is ready, then it prints the line of the README', () => {
    const [hint] = stack.output.filter((line) => line.startsWith('try:'));
    expect(outputs).toContain(hint);
    expect(commands(readme)).toContain(hint?.replace('try:   ', ''));
  });

  test('When the first curl is run, then the answer and the three access log lines are those of the README', async () => {
    const answer = await run(commands(readme).find((command) => command.startsWith('curl')) ?? '');
    const { id, ...follow } = JSON.parse(answer);
    const shown = JSON.parse(outputs.find((text) => text.startsWith('{"id"')) ?? '{}');
    expect({ ...shown, id }).toEqual({ id, ...follow });
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);

    const lines = (outputs.find((text) => text.startsWith('== APP')) ?? '').split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      const [, service, request] = /^== APP - ([\w-]+) == .*: ((?:GET|POST) \S+ \d+) /.exec(line) ?? [];
      await vi.waitFor(() =>
        expect(stack.log).toContainEqual(
          expect.objectContaining({ service, eventId: id, msg: expect.stringContaining(request ?? 'none') }),
        ),
      );
    }
    // The ids in the README agree with each other.
    const ids = lines.map((line) => /event=(\S+) trace=(\S+)$/.exec(line));
    expect(new Set(ids.map((match) => match?.[2])).size).toBe(1);
    expect(new Set(ids.map((match) => match?.[1]))).toEqual(new Set([shown.id]));
  });

  test('When the curl with two names is run, then the mail and the push message name them', async () => {
    const curl = commands(readme).find((command) => command.includes('/followers -H')) ?? '';
    const { id, follower, followee } = JSON.parse(await run(curl));
    expect([follower, followee]).toEqual(['carol', 'dave']);
    await vi.waitFor(async () => expect(await stack.inbox.mailsOf(id)).toHaveLength(1), { timeout: 30_000 });
    expect(await stack.inbox.mailsOf(id)).toMatchObject([{ Subject: 'carol follows you' }]);
    await vi.waitFor(async () => expect(await stack.inbox.pushes('dave')).toHaveLength(1), { timeout: 30_000 });
  });
});

describe('docs/break-it.md', () => {
  const experiments = experimentsPage
    .slice(0, experimentsPage.indexOf('**5.'))
    .split(/^\*\*\d\. /m)
    .slice(1)
    .map((text) => {
      const [shell, output] = blocks(text).map((block) => block.text.trim().split('\n'));
      return { title: text.slice(0, text.indexOf('**')), shell: shell ?? [], output: output ?? [] };
    });

  test('When the experiments are counted, then four of them run on npm start', () => {
    expect(experiments.map(({ shell, output }) => shell.length > 0 && output.length > 0)).toEqual(Array(4).fill(true));
  });

  test.each(experiments)(
    'When the experiment is run: $title then its output appears, and nothing is lost or doubled',
    async ({ shell, output }) => {
      const before = stack.log.length;
      const messages = () => stack.log.slice(before).map(({ msg }) => msg);
      const answers: string[] = [];
      for (const command of shell) {
        const answer = await run(command);
        answers.push(answer);
        // A person is slower than this test: the next command follows the first attempt of the delivery.
        const published = answer.includes('"id":') || command.includes('/publish/');
        if (published && !shell.some((line) => line.includes('Idempotency-Key'))) {
          await vi.waitFor(
            () => expect(messages()).toContainEqual(expect.stringMatching(/^(will be retried|dead letter): /)),
            { timeout: 30_000 },
          );
        }
      }
      for (const line of output) {
        await vi.waitFor(() => expect([...answers, ...messages()].join('\n')).toContain(line), { timeout: 15_000 });
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
});

describe('docs/http.md', () => {
  const rows = (tables(readPage('docs/http.md'))[0] ?? []).map(([request = '', answer = '']) => ({
    request,
    status: Number(/\b[1-5]\d\d\b/.exec(answer)?.[0]),
  }));
  const json = (body: string, headers = {}): RequestInit => ({
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  const follow = '{"follower": "carol", "followee": "dave"}';
  // The request of each row. A row without an entry fails the test below.
  const requests: Record<string, RequestInit | undefined> = {
    'without a body': { method: 'POST' },
    [`with \`${follow}\``]: json(follow),
    'in the query': json(follow, { 'x-follower': 'carol' }),
    'not 1 to 255 visible': json(follow, { 'idempotency-key': '"a b"' }),
    'Idempotency-Key': json(follow, { 'idempotency-key': 'KEY' }),
    'names that are not': json('{"follower": "a b", "followee": "bob"}'),
    'broken JSON': json('{"follower"'),
    'KiB of headers': json(follow, { 'x-long': 'x'.repeat(16 * 1024) }),
    'more than 16 KiB': json(`"${'x'.repeat(16 * 1024)}"`),
    'a body that is not `application/json`': { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } },
    'GET ': {},
  };

  // life-cycle.test.ts has a scenario for the row about a missing sidecar, and common/http/server.test.ts for 408.
  test.each(rows.filter(({ status }) => status !== 503 && status !== 408))(
    'When the request is $request, then the status is $status',
    async ({ request, status }) => {
      const [key] = Object.keys(requests).filter((part) => request.includes(part));
      expect(key, request).toBeDefined();
      const path = /(?:GET|POST) (\/[\w/-]+)/.exec(request)?.[1] ?? '/followers';
      const res = await fetch(stack.facadeUrl + path, requests[key ?? '']);
      expect(res.status).toBe(status);
      if (status >= 400) expect(res.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    },
  );

  const foreign = (tables(readPage('docs/http.md'))[1] ?? []).map(([request = '', answer = '']) => ({
    request,
    answer,
  }));
  const [origin, site] = ['Origin: http://page.example', 'Sec-Fetch-Site: cross-site'];
  test.each(foreign)('When the request is one $request, then the status is $answer', async ({ request, answer }) => {
    const sent = request.includes('Origin')
      ? [rawRequest('GET', '/livez', [origin]), rawRequest('GET', '/livez', [site])]
      : [Buffer.from(String(rawRequest('GET', '/livez')).replace('localhost', 'page.example'))];
    for (const service of [stack.facadeUrl, stack.facadeSidecarUrl]) {
      for (const bytes of sent) expect((await sendRaw(service, bytes)).status, service).toBe(Number(answer));
    }
  });
});
