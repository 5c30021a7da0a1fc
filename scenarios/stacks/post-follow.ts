import type { LogLine, Stack } from './stack';

export interface Answer {
  status: number;
  headers: Headers;
  body: { id: string; follower: string; followee: string; detail?: string };
}

/** What the curl of the README does; with a body when there is one to send. */
export async function postFollower(
  stack: Stack,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const init: RequestInit = { method: 'POST', headers };
  if (body !== undefined) {
    init.body = typeof body === 'string' ? body : JSON.stringify(body);
    init.headers = { 'content-type': 'application/json', ...headers };
  }
  const res = await fetch(`${stack.facadeUrl}/followers`, init);
  return { status: res.status, headers: res.headers, body: (await res.json()) as Answer['body'] };
}

/** The access log lines about an event. */
export const accessLines = (stack: Stack, eventId: string): LogLine[] =>
  stack.log.filter((line) => line.eventId === eventId && line.method !== undefined);

/** The services that say they have notified somebody of an event, one entry for each time. */
export const notifiedBy = (stack: Stack, eventId: string): string[] =>
  stack.log
    .filter((line) => line.eventId === eventId && line.msg.startsWith('notified '))
    .map(({ service }) => service)
    .sort();

/** Publishes through the Dapr API of a sidecar. */
export async function publishThrough(sidecarUrl: string, eventId: string, data: object): Promise<void> {
  const url = `${sidecarUrl}/v1.0/publish/pubsub/followerAdded?metadata.cloudevent.id=${eventId}`;
  const headers = { 'content-type': 'application/json' };
  const res = await fetch(url, { method: 'POST', headers, body: JSON.stringify(data) });
  if (res.status !== 204) throw new Error(`${res.status} ${await res.text()}`);
}
