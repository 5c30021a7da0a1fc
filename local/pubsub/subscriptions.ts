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

/**
 * Resolves with the subscriptions that the app lists at `/dapr/subscribe`. The list is empty if the app has no such
 * path, answers with an error, or lists an invalid subscription. As in Dapr, one invalid entry discards the whole list.
 * The log names the entry. Like daprd, it first requests `/dapr/config`, although it does not use the answer.
 */
export async function discoverSubscriptions(app: AppChannel, appId: string, log: Log): Promise<Subscription[]> {
  const request = (path: string) =>
    app.send({ method: 'GET', path, headers: { 'content-type': 'application/json', 'dapr-app-id': appId } });
  await request('/dapr/config').catch((error: Error) => log.warn(error.message));
  const answer = await request('/dapr/subscribe');
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

/** Returns one subscription for each topic: the last one from the app, or else the first one from the files. */
export function mergeSubscriptions(
  declared: readonly Subscription[],
  programmatic: readonly Subscription[],
): Subscription[] {
  const byTopic = new Map<string, Subscription>();
  for (const subscription of [...declared.toReversed(), ...programmatic]) {
    const key = JSON.stringify([subscription.pubsubName, subscription.topic]);
    byTopic.set(key, subscription);
  }
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
