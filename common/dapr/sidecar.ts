import { Agent } from 'node:http';
import axios, { type AxiosInstance, isAxiosError } from 'axios';
import type { Config } from '../config';

/** The sidecar, or what stands behind it, did not do what it was asked. The message says what was asked and what came back. */
export class SidecarError extends Error {}

/** Another app could not be found or reached. Dapr finds apps by multicast, which now and then misses one that is there. */
export class UnreachableApp extends SidecarError {}

// Longer than the 1.7 s that daprd takes to say that its Redis is down, so that its answer is seen and not our own timeout.
const TIMEOUT_MS = 5_000;

/** A connection to this service's own sidecar. */
export interface Sidecar {
  /** Speaks the Dapr HTTP API: paths begin after `/v1.0`. https://docs.dapr.io/reference/api/ */
  http: AxiosInstance;
  /** Runs a request. @throws {SidecarError} that says what was asked (`what`) and what came back */
  ask<T>(what: string, request: () => Promise<T>): Promise<T>;
}

export function connectSidecar({ daprHttpPort, daprApiToken }: Pick<Config, 'daprHttpPort' | 'daprApiToken'>): Sidecar {
  const http = axios.create({
    baseURL: `http://127.0.0.1:${daprHttpPort}/v1.0`,
    headers: daprApiToken ? { 'dapr-api-token': daprApiToken } : {},
    timeout: TIMEOUT_MS,
    httpAgent: new Agent({ keepAlive: true }),
    proxy: false, // the sidecar is on loopback: a proxy set for the rest of the world is not for it
    maxRedirects: 0,
  });
  return {
    http,
    async ask(what, request) {
      try {
        return await request();
      } catch (error) {
        const message = `${what}: ${reason(error)} (Dapr sidecar on port ${daprHttpPort})`;
        const unreachable = isAxiosError(error) && error.response?.data?.errorCode === 'ERR_DIRECT_INVOKE';
        throw new (unreachable ? UnreachableApp : SidecarError)(message, { cause: error });
      }
    },
  };
}

/** Dapr's errors are JSON with `errorCode` and `message`; a refused token is plain text. */
function reason(error: unknown): string {
  if (!isAxiosError(error)) return String(error);
  if (!error.response) return error.code ? `${error.code} ${error.message}` : error.message;
  const { errorCode, message } = (error.response.data ?? {}) as { errorCode?: string; message?: string };
  return `${error.response.status} ${errorCode ?? ''} ${message ?? ''}`.trimEnd();
}
