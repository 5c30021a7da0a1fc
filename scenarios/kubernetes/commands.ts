import { expect, test, vi } from 'vitest';
import { freePort } from '../../local/testing/free-port';
import { commands, readPage } from '../documentation/markdown';
import { kubectl } from '../stacks/kubectl';
import type { KubernetesStack } from '../stacks/kubernetes-stack';
import { ROOT } from '../stacks/root';
import { runInShell, startCommand } from '../stacks/shell-command';
import { SERVICES } from '../stacks/stack';

const readme = readPage('README.md');
const section = readme.slice(readme.indexOf('## On Kubernetes'), readme.indexOf('## Never lost'));
const documented = [...commands(section), ...commands(readPage('docs/kubernetes.md'))];

/** The commands that other tests run, or that no test can run on every machine. */
const ELSEWHERE = [
  /^kind create cluster && dapr init/, // the cluster and Dapr are there before the tests
  /^docker compose build image && docker tag/, // kubernetes-image.ts
  /^kind load docker-image/, // LOAD_IMAGES
  /^kubectl apply -f kubernetes\/base\/namespace.yaml$/, // production.ts
  /^kubectl -n followers create secret/, // production.ts
  /npm run test:kubernetes$/,
];
const isElsewhere = (command: string) => ELSEWHERE.some((pattern) => pattern.test(command));
const FORWARD = /^(kubectl -n followers port-forward service\/\S+) (\d+)(:\d+)?$/;

/** Runs a documented `port-forward` on a free port until `use` has resolved. */
async function forwarded(command: string, use: (url: string) => Promise<void>): Promise<void> {
  const [, start = '', port = '', remote = `:${port}`] = FORWARD.exec(command) ?? [];
  const free = await freePort();
  const { child, result } = startCommand('sh', ['-c', `exec ${start} ${free}${remote}`], { cwd: ROOT });
  try {
    await vi.waitFor(() => fetch(`http://127.0.0.1:${free}/`), { timeout: 20_000, interval: 200 });
    await use(`http://127.0.0.1:${free}`);
  } finally {
    child.kill();
    await result;
  }
}

/** Defines the tests that the commands of README.md and docs/kubernetes.md work as they are written. */
export function documentedCommands(sharedStack: () => KubernetesStack): void {
  const run = async (command: string) => {
    const { code, output } = await runInShell(command, { cwd: ROOT });
    expect(code, `${command}\n${output}`).toBe(0);
    return output;
  };
  const [apply = ''] = documented.filter((command) => command.startsWith('kubectl apply -k'));
  const forwards = documented.filter((command) => FORWARD.test(command));
  const replays = documented.filter((command) => command.startsWith('kubernetes/replay.sh'));
  const looks = documented.filter((command) => / (get pods|logs) ?/.test(command));

  test('When a command is documented, then a test runs it, or a reason is known', () => {
    const here = [apply, ...forwards, ...replays, ...looks];
    expect(documented.filter((command) => !isElsewhere(command) && !here.includes(command))).toEqual([]);
    expect([forwards, replays, looks].map(({ length }) => length)).toEqual([3, 2, 2]);
  });

  test('When the overlay is applied again, then no pod is replaced, and all are ready', async ({ skip }) => {
    const { overlay } = sharedStack();
    if (!apply.includes(`kubernetes/overlays/${overlay} `)) skip(`the overlay in the cluster is ${overlay}`);
    const path = 'jsonpath={.items[*].metadata.generation}';
    const generations = () => kubectl('get', 'deployments', '--output', path);
    const before = await generations();
    const output = await run(apply);
    expect(await generations()).toBe(before);
    for (const service of SERVICES) expect(output).toContain(`deployment "${service}" successfully rolled out`);
  }, 120_000);

  test('When the ports are forwarded and the curl is run, then the answer, the mail and the push message are there', async () => {
    const [facade = '', mailpit = '', ntfy = ''] = ['api-facade', 'mailpit', 'ntfy'].map((name) =>
      forwards.find((command) => command.includes(`service/${name} `)),
    );
    const curl = commands(readme).find((command) => command.startsWith('curl -X POST')) ?? '';
    let id = '';
    await forwarded(facade, async (url) => {
      const answer = JSON.parse(await run(curl.replace('localhost:8080', url).replace('curl ', 'curl -sS ')));
      expect(answer).toMatchObject({ follower: 'alice', followee: 'bob' });
      id = answer.id;
    });
    const soon = { timeout: 20_000, interval: 500 };
    await forwarded(mailpit, async (url) => {
      const mails = async () => (await fetch(`${url}/api/v1/messages`)).text();
      await vi.waitFor(async () => expect(await mails()).toContain(`${id}.`), soon);
    });
    await forwarded(ntfy, async (url) => {
      const pushes = async () => (await fetch(`${url}/followers-bob/json?poll=1`)).text();
      await vi.waitFor(async () => expect(await pushes()).toContain('alice follows you'), soon);
    });
  }, 120_000);

  test.each(looks)('When this is run: %s, then it shows all services', async (command) => {
    const output = await run(command);
    for (const service of SERVICES) expect(output).toContain(service);
  });

  test.for(replays)('When this is run: %s, then its last line counts the dead letters', async (command, { skip }) => {
    const { replayUnavailable } = sharedStack();
    if (replayUnavailable) skip(replayUnavailable);
    const { output } = await runInShell(command, { cwd: ROOT });
    expect(output).toMatch(/^(\d+ dead letters?|found \d+, replayed \d+, returned \d+)$/m);
  });
}
