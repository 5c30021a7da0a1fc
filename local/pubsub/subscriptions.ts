import type { AppChannel } from '../app-channel';
import type { Log } from '../log';
import { Field, ResourceError } from '../resources/document';
import {
  type DeclaredSubscription,
  readBulkSubscribe,
  readRules,
  type SubscriptionSpec,
} from '../resources/subscription';
import { compileRules, type Router } from './routing';

/** A subscription with its compiled route. */
export interface Subscription extends SubscriptionSpec {
  type: 'PROGRAMMATIC' | 'DECLARATIVE';
  route: Router;
}

/** Requests `/dapr/config`. daprd does so at its start. This sidecar does not use the answer, which is about actors. */
export async function requestConfig(app: AppChannel, appId: string, log: Log): Promise<void> {
  await request(app, appId, '/dapr/config').catch((error: Error) => log.warn(error.message));
}

const request = (app: AppChannel, appId: string, path: string) =>
  app.send({ method: 'GET', path, headers: { 'content-type': 'application/json', 'dapr-app-id': appId } });

/**
 * Resolves with the subscriptions that the app lists at `/dapr/subscribe`. The list is empty if the app has no such
 * path, answers with an error, or lists an invalid subscription. As in Dapr, one invalid entry discards the whole list.
 * The log names the entry.
 */
export async function discoverSubscriptions(app: AppChannel, appId: string, log: Log): Promise<Subscription[]> {
  const answer = await request(app, appId, '/dapr/subscribe');
  if (answer.status !== 200) {
    if (answer.status !== 404)
      log.error(`GET /dapr/subscribe: the app answered ${answer.status}, so it has no subscriptions`);
    return [];
  }
  const text = answer.body.toString('utf8').trim();
  if (text === '') return [];
  try {
    const list = new Field('GET /dapr/subscribe', '', JSON.parse(text));
    const specs = list.list().map(readProgrammatic);
    for (const { rules, topic } of specs)
      if (rules.length === 0) log.warn(`the subscription to ${topic} has no route and is ignored`);
    return specs.filter(({ rules }) => rules.length > 0).map((spec) => toSubscription(spec, 'PROGRAMMATIC'));
  } catch (error) {
    log.error(`${(error as Error).message}; all subscriptions of the app are ignored`);
    return [];
  }
}

/**
 * Returns the subscriptions of the resource files. If two have the same name, the last one counts.
 *
 * @throws {ResourceError} for an invalid routing rule
 */
export function declareSubscriptions(declared: readonly DeclaredSubscription[]): Subscription[] {
  const byName = new Map(declared.map((spec) => [spec.name, spec]));
  return [...byName.values()].map((spec) => toSubscription(spec, 'DECLARATIVE'));
}

/** Returns the subscriptions of a sidecar without an app, which the metadata API lists. */
export const declaredOnly = (declared: readonly DeclaredSubscription[]): Subscription[] =>
  mergeSubscriptions(declareSubscriptions(declared), []);

/** Returns one subscription for each topic: the last one from the app, or else the first one from the files. */
export function mergeSubscriptions(
  declared: readonly Subscription[],
  programmatic: readonly Subscription[],
): Subscription[] {
  const byTopic = new Map<string, Subscription>();
  const keyOf = ({ pubsubName, topic }: Subscription) => JSON.stringify([pubsubName, topic]);
  for (const subscription of declared)
    if (!byTopic.has(keyOf(subscription))) byTopic.set(keyOf(subscription), subscription);
  for (const subscription of programmatic) byTopic.set(keyOf(subscription), subscription);
  return [...byTopic.values()];
}

/** Returns a subscription from the app's list. As in Dapr, its metadata values must be strings. */
const readProgrammatic = (item: Field): SubscriptionSpec => ({
  pubsubName: item.get('pubsubname').string(''),
  topic: item.get('topic').string(''),
  rules: readRules(item),
  deadLetterTopic: item.get('deadLetterTopic').string(''),
  metadata: new Map(
    item
      .get('metadata')
      .entries()
      .map(([key, value]) => [key, value.string()]),
  ),
  bulkSubscribe: readBulkSubscribe(item.get('bulkSubscribe')),
});

function toSubscription(spec: SubscriptionSpec, type: Subscription['type']): Subscription {
  try {
    return { ...spec, type, route: compileRules(spec.rules) };
  } catch (error) {
    const [line] = (error as Error).message.split('\n');
    throw new ResourceError(`the routing rules of topic ${spec.topic} are invalid: ${line}`, { cause: error });
  }
}
