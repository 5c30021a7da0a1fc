import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import { InboxClient } from './inbox-client';
import { isReady, kubectl, kubectlWithInput, NAMESPACE, type Pod, podsWith } from './kubectl';
import { type Broker, kafkaBroker, redisBroker } from './kubernetes-broker';
import { GATEWAY } from './kubernetes-gateway';
import { PodLogs } from './pod-logs';
import { type PortForward, portForward } from './port-forward';
import { ROOT } from './root';
import { type CommandResult, runCommand } from './shell-command';
import type { LogLine, Service, Stack } from './stack';

/** The label of the pods that belong to a service. */
const labelOf = (service: string) => `app.kubernetes.io/name=${service}`;

/** Applies an overlay of kubernetes/ to the cluster. Resolves when all pods are ready. */
export async function startKubernetesStack(overlay: string): Promise<KubernetesStack> {
  const stack = new KubernetesStack(overlay);
  try {
    await stack.up();
    return stack;
  } catch (error) {
    const pods = await kubectl('get', 'pods', '--output', 'wide').catch(String);
    const events = await kubectl('get', 'events', '--sort-by', '.lastTimestamp').catch(String);
    await stack.stop();
    throw new Error(`${(error as Error).message}\n${pods}\n${events.split('\n').slice(-25).join('\n')}`);
  }
}

export class KubernetesStack implements Stack {
  readonly name: string;
  readonly pushFaultsUnavailable = 'ntfy cannot inject faults';
  readonly replayUnavailable: string | undefined;
  readonly log: LogLine[] = [];
  readonly output: string[] = [];
  readonly ended = new Promise<number | null>(() => {});
  private readonly forwards: PortForward[] = [];
  private readonly logs = new PodLogs(this.log, this.output);
  private broker: Broker | undefined;
  private urls = { facade: '', mail: '', push: '' };
  private client: InboxClient | undefined;

  constructor(readonly overlay: string) {
    this.name = `Kubernetes, ${overlay}`;
    this.replayUnavailable = overlay === 'local' ? 'a sidecar of local/ finds only the apps in its own pod' : undefined;
  }

  get facadeUrl(): string {
    return this.urls.facade;
  }

  get inbox(): InboxClient {
    if (!this.client) throw new Error('the stack has not been started');
    return this.client;
  }

  async up(): Promise<void> {
    await kubectl('apply', '--kustomize', join(ROOT, 'kubernetes/overlays', this.overlay));
    await kubectlWithInput(JSON.stringify(GATEWAY), 'apply', '--filename', '-');
    await kubectl('rollout', 'status', 'statefulset', '--timeout', '300s');
    await kubectl('rollout', 'status', 'deployment', '--timeout', '300s');
    await kubectl('wait', '--for', 'condition=Ready', 'pod/gateway', '--timeout', '60s');
    const urlOf = async (target: string, port: number) => {
      const forward = await portForward(target, port);
      this.forwards.push(forward);
      return `http://127.0.0.1:${forward.port}`;
    };
    const [facade, mail, push] = [
      urlOf('pod/gateway', 8080),
      urlOf('service/mailpit', 8025),
      urlOf('service/ntfy', 80),
    ];
    this.urls = { facade: await facade, mail: await mail, push: await push };
    this.client = new InboxClient(this.urls.mail, this.urls.push);
    this.broker = this.overlay === 'kafka' ? kafkaBroker() : await redisBroker();
    this.logs.follow();
  }

  podsOf = (service: string): Promise<Pod[]> => podsWith(labelOf(service));

  /** Resolves when a service has this number of pods, all of them are ready, and none is stopping. */
  async waitForPods(service: string, count: number): Promise<void> {
    await vi.waitFor(
      async () => {
        const states = (await this.podsOf(service)).map((pod) => !pod.metadata.deletionTimestamp && isReady(pod));
        if (states.length !== count || states.includes(false)) throw new Error(`${service}: ${states}`);
      },
      { timeout: 120_000, interval: 500 },
    );
  }

  /**
   * Kills all processes of a pod with SIGKILL, as a node does that runs out of memory. Where they are not processes of this
   * machine, it deletes the pod without a grace period.
   */
  async killPod({ metadata }: Pod): Promise<void> {
    const processes = processesOfPod(metadata.uid);
    for (const pid of processes) process.kill(pid, 'SIGKILL');
    if (processes.length === 0) await kubectl('delete', 'pod', metadata.name, '--grace-period', '0', '--force');
  }

  /** Starts an update of a service with a sidecar that cannot start, because its component or configuration is not there. */
  async breakComponents(service: Service): Promise<void> {
    const template =
      this.overlay === 'local'
        ? {
            spec: {
              initContainers: [{ name: 'daprd', command: ['dapr', 'run', '--resources-path', 'components/none'] }],
            },
          }
        : { metadata: { annotations: { 'dapr.io/config': 'none' } } };
    await kubectl('patch', 'deployment', service, '--patch', JSON.stringify({ spec: { template } }));
  }

  redisCli = (...args: string[]): Promise<string> => kubectl('exec', 'redis-0', '--', 'redis-cli', ...args);

  suspend(service: Service): void {
    throw new Error(`${service}: a pod cannot be suspended`);
  }

  resume(service: Service): void {
    throw new Error(`${service}: a pod cannot be suspended`);
  }

  kill(service: Service): void {
    const args = [
      '--namespace',
      NAMESPACE,
      'delete',
      'pod',
      '--selector',
      labelOf(service),
      '--grace-period',
      '0',
      '--force',
    ];
    execFileSync('kubectl', args, { stdio: 'ignore' });
  }

  /** Writes the event into the broker, because only api-facade may publish. */
  async publishWithoutFacade(eventId: string, data: object): Promise<void> {
    const event = {
      specversion: '1.0',
      id: eventId,
      type: 'followerAdded',
      source: 'somebody',
      topic: 'followerAdded',
    };
    await this.broker?.publish({ ...event, pubsubname: 'pubsub', datacontenttype: 'application/json', data });
  }

  replay = (service: Service, ...flags: string[]): Promise<CommandResult> =>
    runCommand(join(ROOT, 'kubernetes/replay.sh'), [service, ...flags]);

  async waitUntilDrained(withinMs: number): Promise<number> {
    if (!this.broker) throw new Error('the stack has not been started');
    return this.broker.waitUntilDrained(withinMs);
  }

  async stop(): Promise<number | null> {
    this.logs.stop();
    this.broker?.close();
    for (const { close } of this.forwards) close();
    await kubectl('delete', 'namespace', NAMESPACE, '--ignore-not-found', '--timeout', '180s');
    return 0;
  }
}

/** Returns the processes of this machine that belong to a pod: the name of their cgroup contains its uid. */
function processesOfPod(uid: string): number[] {
  const isOf = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'utf8').replaceAll('_', '-').includes(uid);
    } catch {
      return false; // it has ended, or there is no /proc
    }
  };
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && isOf(name))
      .map(Number);
  } catch {
    return [];
  }
}
