import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { commands, readPage } from '../documentation/markdown';
import { InboxClient } from '../stacks/inbox-client';
import { isReady, kubectl, kubectlWithInput, NAMESPACE, podsWith } from '../stacks/kubectl';
import { type PortForward, portForward } from '../stacks/port-forward';
import { postFollow } from '../stacks/post-follow';
import { ROOT } from '../stacks/root';
import { runCommand, runInShell } from '../stacks/shell-command';

const SERVERS = 'managed';
const [USER, PASSWORD] = ['sample', 'correct-horse-battery'];

interface Node {
  spec: { taints?: { effect: string }[] };
}

/** The files that the servers in production/managed.yaml read. */
function serverFiles(): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'tls-'));
  const [key, certificate] = [join(folder, 'key'), join(folder, 'certificate')];
  const options = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=redis.managed', '-days', '2'];
  execFileSync('openssl', ['req', ...options, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  const files = {
    'tls.key': readFileSync(key, 'utf8'),
    'tls.crt': readFileSync(certificate, 'utf8'),
    'redis.conf': `port 0\ntls-port 6380\ntls-cert-file /etc/logins/tls.crt\ntls-key-file /etc/logins/tls.key
      tls-auth-clients no\nuser default off\nuser ${USER} on >${PASSWORD} ~* &* +@all\n`.replace(/^ +/gm, ''),
    'jaas.conf': `KafkaServer { org.apache.kafka.common.security.plain.PlainLoginModule required
      username="broker" password="broker-${PASSWORD}" user_broker="broker-${PASSWORD}" user_${USER}="${PASSWORD}"; };`,
  };
  rmSync(folder, { recursive: true });
  return files;
}

/** Returns the commands of docs/kubernetes.md that create the namespace and the Secrets, with the logins of the servers. */
const preparations = (): string[] =>
  commands(readPage('docs/kubernetes.md'))
    .filter((command) => /namespace\.yaml$|create secret/.test(command))
    .map((command) =>
      command
        .replace('username=…', `username=${USER}`)
        .replace('password=…', `password=${PASSWORD}`)
        .replace('url=smtps://…', `url=smtp://mailpit.${SERVERS}:587`)
        .replace('token=…', 'token=tk_test'),
    );

/** Applies the overlay `production` with the servers, apart from the kinds that the cluster does not know. */
async function apply(): Promise<void> {
  const versions = (await kubectl('api-versions')).split('\n');
  const items = parseAllDocuments(await kubectl('kustomize', join(__dirname, 'production')))
    .map((document) => document.toJS())
    .filter(({ apiVersion }) => versions.includes(apiVersion));
  for (const isServer of [true, false]) {
    const list = items.filter(({ metadata }) => (metadata.namespace === SERVERS) === isServer);
    const flags = ['--namespace', isServer ? SERVERS : NAMESPACE, '--filename', '-'];
    await kubectlWithInput(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: list }), 'apply', ...flags);
  }
}

/** Defines the tests of the overlay `production`, with servers that want a login. They need Dapr's control plane. */
export function productionScenarios(): void {
  const forwards: PortForward[] = [];
  const urlOf = async (service: string, port: number, namespace = SERVERS) => {
    const forward = await portForward(`service/${service}`, port, namespace);
    forwards.push(forward);
    return `http://127.0.0.1:${forward.port}`;
  };

  beforeAll(async () => {
    for (const command of preparations())
      expect(await runInShell(command, { cwd: ROOT }), command).toMatchObject({ code: 0 });
    await kubectl('create', 'namespace', SERVERS);
    const logins = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'logins' }, stringData: serverFiles() };
    await kubectlWithInput(JSON.stringify(logins), '--namespace', SERVERS, 'apply', '--filename', '-');
    await apply();
    for (const name of [SERVERS, NAMESPACE])
      await kubectl('--namespace', name, 'rollout', 'status', 'deployment', '--timeout', '300s');
  }, 600_000);
  afterAll(async () => {
    for (const { close } of forwards) close();
    await kubectl('delete', 'namespace', NAMESPACE, SERVERS, '--ignore-not-found', '--timeout', '180s');
  }, 200_000);

  test('When Kafka and Redis want a login, then a follow leads to one mail and one push message, and the replay lists no dead letters', async () => {
    const inbox = new InboxClient(await urlOf('mailpit', 8025), await urlOf('ntfy', 443));
    const facadeUrl = await urlOf('api-facade', 80, NAMESPACE);
    const { status, body } = await postFollow({ facadeUrl }, { follower: 'alice', followee: 'bob' });
    expect(status).toBe(202);
    const soon = { timeout: 30_000, interval: 500 };
    await vi.waitFor(async () => expect(await inbox.mailsOf(body.id)).toHaveLength(1), soon);
    await vi.waitFor(async () => expect(await inbox.pushesAbout('alice')).toHaveLength(1), soon);
    const replay = [join(ROOT, 'kubernetes/replay.sh'), ['email-notification-service', '--list']] as const;
    expect(await runCommand(...replay)).toMatchObject({ code: 0, output: expect.stringMatching(/^0 dead letters$/m) });
  }, 120_000);

  test('When the objects of the cluster are read, then only Secrets have the passwords', async () => {
    const kinds = 'components,configurations.dapr.io,deployments,cronjobs,pods,configmaps';
    const objects = await kubectl('get', kinds, '--output', 'yaml');
    expect(objects).toContain('secretKeyRef');
    for (const secret of [PASSWORD, 'tk_test']) expect(objects).not.toContain(secret);
    const encoded = Buffer.from(PASSWORD).toString('base64');
    expect(await kubectl('get', 'secrets', '--output', 'yaml')).toContain(encoded);
  });

  test.each([
    ['api-facade', 404], // everybody may post a follow, and it takes no events
    ['email-notification-service', 401],
    ['push-notification-service', 401],
  ])(
    'When somebody in the pod of %s calls the sidecar and delivers an event without a token, then both refuse',
    async (service, status) => {
      const [pod] = await podsWith(`app.kubernetes.io/name=${service}`);
      const program = `Promise.all([
        fetch('http://127.0.0.1:' + process.env.DAPR_HTTP_PORT + '/v1.0/metadata'),
        fetch('http://127.0.0.1:8080/followerAdded', { method: 'POST' }),
      ]).then((answers) => console.log(answers.map(({ status }) => status).join()))`;
      const exec = ['exec', pod?.metadata.name ?? '', '--container', 'app', '--', 'node', '-e', program];
      expect(await kubectl(...exec)).toBe(`401,${status}\n`);
    },
  );

  test('When api-facade is scaled, then it has three replicas, as evenly on the nodes as possible', async () => {
    await vi.waitFor(
      async () => {
        const pods = await podsWith('app.kubernetes.io/name=api-facade');
        expect(pods.filter(isReady)).toHaveLength(3);
        const nodes: Node[] = JSON.parse(await kubectl('get', 'nodes', '--output', 'json')).items;
        const open = nodes.filter(({ spec }) => !spec.taints?.some(({ effect }) => effect === 'NoSchedule'));
        expect(new Set(pods.map(({ spec }) => spec.nodeName)).size).toBe(Math.min(3, open.length));
      },
      { timeout: 120_000, interval: 1_000 },
    );
  }, 130_000);
}
