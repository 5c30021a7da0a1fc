import { beforeEach, expect, test, vi } from 'vitest';
import { SidecarError } from '../common/dapr/sidecar';
import { Probe } from './probe';

const publish = vi.fn<(event: object) => Promise<void>>();
beforeEach(() => {
  publish.mockReset().mockResolvedValue();
});

test('When the event has not arrived, then the run is not ready; when it arrives, then it is, and the event is no dead letter', async () => {
  const probe = new Probe(publish);
  await expect(probe.ready()).rejects.toThrow('has not delivered');
  await expect(probe.ready()).rejects.toThrow('has not delivered');
  expect(publish).toHaveBeenCalledOnce();
  expect(probe.take({ ...publish.mock.calls[0]?.[0] })).toBe(true);
  await expect(probe.ready()).resolves.toBeUndefined();
});

test('When the event of another run or a dead letter arrives, then the run is still not ready', async () => {
  const other = new Probe(publish);
  await expect(other.ready()).rejects.toThrow();
  const probe = new Probe(publish);
  await expect(probe.ready()).rejects.toThrow();
  expect(probe.take({ ...publish.mock.calls[0]?.[0] })).toBe(true);
  expect(probe.take({ id: 'event-1', type: 'followerAdded' })).toBe(false);
  await expect(probe.ready()).rejects.toThrow('has not delivered');
});

test('When the broker takes no event, then the run does not wait for one', async () => {
  publish.mockRejectedValue(new SidecarError('out of memory'));
  await expect(new Probe(publish).ready()).resolves.toBeUndefined();
});
