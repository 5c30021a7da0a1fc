/** The trace id of `FOLLOW_EVENT`. */
export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

/** A valid event as Dapr delivers it. */
export const FOLLOW_EVENT = {
  specversion: '1.0',
  id: 'event-1',
  type: 'followerAdded',
  source: 'api-facade',
  topic: 'followerAdded',
  data: { follower: 'alice', followee: 'bob' },
  traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01`,
};
