import { Agent } from 'node:http';
import axios, { type AxiosResponse, isAxiosError } from 'axios';
import type { Config } from './config';
import type { Trace } from './trace-context';

/** The sidecar, or what stands behind it, did not do what it was asked. The message says what was asked and what came back. */
export class SidecarError extends Error {}

// Longer than the 1.7 s that daprd takes to say that its Redis is down, so that its answer is seen and not our own timeout.
const TIMEOUT_MS = 5_000;

export interface CloudEventAttributes {
  id: string;
  type: string;
}

/** This service's own sidecar. */
export interface Dapr {
  /** Resolves once the broker has the event. @throws {SidecarError} when it was not accepted */
  publish(topic: string, data: object, attributes: CloudEventAttributes, trace: Trace): Promise<void>;
  /** Resolves when the sidecar has loaded the pub/sub component. @throws {SidecarError} with what is missing */
  readyToPublish(): Promise<void>;
  /** Resolves when the sidecar has subscribed this service to the topic. @throws {SidecarError} with what is missing */
  readyToReceive(topic: string): Promise<void>;
}

interface Metadata {
  components?: { name: string }[];
  subscriptions?: { pubsubname: string; topic: string }[];
}

/** A client of the Dapr HTTP API on loopback. https://docs.dapr.io/reference/api/ */
export function createDapr({
  daprHttpPort,
  daprApiToken,
  pubsubName,
}: Pick<Config, 'daprHttpPort' | 'daprApiToken' | 'pubsubName'>): Dapr {
  const http = axios.create({
    baseURL: `http://127.0.0.1:${daprHttpPort}/v1.0`,
    headers: daprApiToken ? { 'dapr-api-token': daprApiToken } : {},
    timeout: TIMEOUT_MS,
    httpAgent: new Agent({ keepAlive: true }),
    proxy: false, // the sidecar is on loopback: a proxy set for the rest of the world is not for it
    maxRedirects: 0,
  });

  async function ask<T>(what: string, request: () => Promise<AxiosResponse<T>>): Promise<T> {
    try {
      return (await request()).data;
    } catch (error) {
      throw new SidecarError(`${what}: ${reason(error)} (Dapr sidecar on port ${daprHttpPort})`, { cause: error });
    }
  }

  const metadata = () => ask('cannot read the metadata', () => http.get<Metadata>('/metadata'));

  return {
    async publish(topic, data, { id, type }, { traceparent, tracestate }) {
      await ask(`cannot publish ${topic} to ${pubsubName}`, () =>
        http.post(`/publish/${pubsubName}/${topic}`, data, {
          params: { 'metadata.cloudevent.id': id, 'metadata.cloudevent.type': type },
          headers: { traceparent, ...(tracestate !== undefined && { tracestate }) },
        }),
      );
    },
    async readyToPublish() {
      const { components = [] } = await metadata();
      if (components.some(({ name }) => name === pubsubName)) return;
      throw new SidecarError(`The Dapr sidecar has no component named ${pubsubName}.`);
    },
    // One bad subscription loses all of an app's subscriptions while the sidecar's own health stays green.
    async readyToReceive(topic) {
      const { subscriptions = [] } = await metadata();
      if (subscriptions.some((s) => s.pubsubname === pubsubName && s.topic === topic)) return;
      throw new SidecarError(`The Dapr sidecar has no subscription to ${topic} on ${pubsubName}.`);
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
