import { Agent } from 'node:http';
import axios, { type AxiosInstance, isAxiosError } from 'axios';
import type { Config } from '../config';
import { directAdapter } from '../http/direct-adapter';

/** A request to the sidecar failed. The message names the request and the sidecar's answer. */
export class SidecarError extends Error {}

/**
 * The sidecar could not find or reach another app. A retry helps: Dapr looks for apps by multicast, and now and then
 * misses an app that is there.
 */
export class UnreachableApp extends SidecarError {}

// daprd needs 1.7 s to report that its Redis is down. We wait longer, so that the log shows daprd's own message.
const TIMEOUT_MS = 5_000;

/** A connection to this service's sidecar. */
export interface Sidecar {
  /** A client of the Dapr HTTP API. Paths begin after `/v1.0`. https://docs.dapr.io/reference/api/ */
  http: AxiosInstance;
  /**
   * Resolves with the result of `send`.
   *
   * @param purpose the start of the error message, such as 'cannot publish followerAdded to pubsub'
   * @throws {SidecarError} with the purpose and the sidecar's answer
   */
  request<T>(purpose: string, send: () => Promise<T>): Promise<T>;
}

/** Returns a connection to the sidecar on this machine. It opens when the first request is sent. */
export function connectSidecar({ daprHttpPort, daprApiToken }: Pick<Config, 'daprHttpPort' | 'daprApiToken'>): Sidecar {
  const http = axios.create({
    baseURL: `http://127.0.0.1:${daprHttpPort}/v1.0`,
    headers: daprApiToken ? { 'dapr-api-token': daprApiToken } : {},
    timeout: TIMEOUT_MS,
    httpAgent: new Agent({ keepAlive: true }),
    adapter: directAdapter, // The sidecar is on loopback: no proxy, no redirects.
  });
  return {
    http,
    async request(purpose, send) {
      try {
        return await send();
      } catch (error) {
        const message = `${purpose}: ${describe(error)} (Dapr sidecar on port ${daprHttpPort})`;
        const unreachable = isAxiosError(error) && error.response?.data?.errorCode === 'ERR_DIRECT_INVOKE';
        throw new (unreachable ? UnreachableApp : SidecarError)(message, { cause: error });
      }
    },
  };
}

/** Dapr's errors are JSON with `errorCode` and `message`. A refused token is answered in plain text. */
function describe(error: unknown): string {
  if (!isAxiosError(error)) return String(error);
  if (!error.response) return error.code ? `${error.code} ${error.message}` : error.message;
  const { errorCode, message } = (error.response.data ?? {}) as { errorCode?: string; message?: string };
  return `${error.response.status} ${errorCode ?? ''} ${message ?? ''}`.trimEnd();
}
