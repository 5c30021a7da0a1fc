import { spawn } from 'node:child_process';
import { once } from 'node:events';

export const NAMESPACE = 'followers';

/**
 * Runs kubectl in the namespace of the sample. Resolves with its stdout.
 *
 * @throws {Error} with its stderr when it fails
 */
export const kubectl = (...args: string[]): Promise<string> => kubectlWithInput('', ...args);

/** Runs kubectl with this text as its stdin. Resolves with its stdout. @throws {Error} with its stderr when it fails */
export async function kubectlWithInput(input: string, ...args: string[]): Promise<string> {
  const child = spawn('kubectl', ['--namespace', NAMESPACE, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {}).end(input);
  const [out, err] = [child.stdout.toArray(), child.stderr.toArray()];
  const [code] = await once(child, 'close');
  const [stdout, stderr] = [Buffer.concat(await out).toString(), Buffer.concat(await err).toString()];
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: exit code ${code}\n${stderr.slice(-3_000)}`);
  return stdout;
}

/** A pod, as far as the scenarios look at it. */
export interface Pod {
  metadata: { name: string; uid: string; labels: Record<string, string>; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: { phase: string; podIP?: string; conditions?: { type: string; status: string }[] };
}

/** Resolves with the pods that have these labels, such as `app.kubernetes.io/name=redis`. */
export const podsWith = async (labels: string): Promise<Pod[]> =>
  JSON.parse(await kubectl('get', 'pods', '--selector', labels, '--output', 'json')).items;

export const isReady = ({ status }: Pod): boolean =>
  status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
