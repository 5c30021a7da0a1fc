import type { ApiRoute } from './router';

/** The APIs that a `Configuration` allows or denies, such as `v1.0/state`. https://docs.dapr.io/operations/configuration/api-allowlist/ */
export interface ApiAccess {
  /** Empty: all APIs that are not denied. */
  allowed: readonly string[];
  denied: readonly string[];
}

const ALIASES: Readonly<Record<string, string>> = {
  'v1.0': 'v1',
  'v1.0-alpha1': 'v1alpha1',
  'v1.0-alpha2': 'v1alpha2',
  'v1.0-beta1': 'v1beta1',
};
const INVOCATION = 'v1.0/invoke/*';

/** Returns whether a route is allowed. As in daprd, health checks always are. */
export function isRouteAllowed(
  { pattern = INVOCATION }: Pick<ApiRoute, 'pattern'>,
  { allowed, denied }: ApiAccess,
): boolean {
  if (pattern.startsWith('v1.0/healthz')) return true;
  const [version = '', group] = pattern.split('/');
  const matches = (rule: string) => pattern.startsWith(rule) || rule === `${ALIASES[version]}/${group}`;
  return !denied.some(matches) && (allowed.length === 0 || allowed.some(matches));
}
