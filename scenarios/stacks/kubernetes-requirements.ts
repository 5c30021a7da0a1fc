import { execFileSync } from 'node:child_process';
import { NAMESPACE } from './kubectl';

/** Clusters that belong to one machine. The scenarios drain nodes, so they run elsewhere only when they are told to. */
const OWN_CLUSTER = /^(lab|minikube|docker-desktop|rancher-desktop|(kind|k3d)-.*)$/;

/** Returns the reason why the scenarios cannot run on a cluster here; undefined if they can. */
export function missingForKubernetes(): string | undefined {
  const context = output('config', 'current-context');
  if (context === undefined) return 'kubectl is not installed, or has no current context';
  if (!OWN_CLUSTER.test(context) && context !== process.env.TEST_CONTEXT)
    return `the cluster ${context} may have other users; TEST_CONTEXT=${context} runs the tests on it`;
  if (output('get', '--raw', '/readyz') === undefined) return `the cluster ${context} does not answer`;
  if (output('get', 'namespace', NAMESPACE) !== undefined) return `the cluster ${context} has a namespace ${NAMESPACE}`;
  return undefined;
}

/** Whether the cluster has Dapr's control plane, which injects the sidecars. */
export const hasDapr = (): boolean =>
  output('get', 'crd', 'components.dapr.io') !== undefined &&
  output('get', 'deployment', 'dapr-sidecar-injector', '--namespace', 'dapr-system') !== undefined;

/** Whether kubectl can render the overlays. */
export const hasKubectl = (): boolean => output('version', '--client') !== undefined;

function output(...args: string[]): string | undefined {
  try {
    const command = ['--request-timeout=5s', ...args];
    return execFileSync('kubectl', command, { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}
