/**
 * Publishes an event on followerAdded through the Dapr API of a sidecar.
 *
 * @param sidecarUrl without a slash at the end
 * @throws {Error} with the sidecar's answer when the sidecar does not accept the event
 */
export async function publishToSidecar(sidecarUrl: string, eventId: string, data: object): Promise<void> {
  const url = `${sidecarUrl}/v1.0/publish/pubsub/followerAdded?metadata.cloudevent.id=${eventId}`;
  const headers = { 'content-type': 'application/json' };
  const res = await fetch(url, { method: 'POST', headers, body: JSON.stringify(data) });
  if (res.status !== 204) throw new Error(`cannot publish ${eventId} at ${url}: ${res.status} ${await res.text()}`);
}
