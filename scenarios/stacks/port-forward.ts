import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { NAMESPACE } from './kubectl';

export interface PortForward {
  /** The port on 127.0.0.1. */
  port: number;
  close: () => void;
}

/**
 * Forwards a free port of this machine to a pod or a service, such as `service/mailpit`. It does not pass network policies:
 * the kubelet connects inside the pod.
 *
 * @throws {Error} with the reason when kubectl has ended
 */
export async function portForward(target: string, port: number, namespace = NAMESPACE): Promise<PortForward> {
  const args = ['--namespace', namespace, 'port-forward', '--address', '127.0.0.1', target, `:${port}`];
  const child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const close = () => void child.kill();
  let output = '';
  const local = new Promise<number>((resolve) => {
    child.stdout.on('data', (chunk) => {
      output += chunk;
      const found = /127\.0\.0\.1:(\d+)/.exec(output)?.[1];
      if (found) resolve(Number(found));
    });
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const ended = once(child, 'close').then(() => {
    throw new Error(`kubectl port-forward ${target}: ${output}`);
  });
  ended.catch(() => {});
  return { port: await Promise.race([local, ended]), close };
}
