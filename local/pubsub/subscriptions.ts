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

/** A subscription that is in force. */
export interface Subscription extends SubscriptionSpec {
  type: 'PROGRAMMATIC' | 'DECLARATIVE';
  route: Router;
}

/**
 * Asks the app how it is configured, as daprd does without this sidecar having a use for it, and what it subscribes to.
 * Nothing when it has no such path, answers with an error, or lists something that cannot be used: as in Dapr one bad
 * entry loses the whole list, but here a line says which.
 */
export async function discoverSubscriptions(app: AppChannel, appId: string, log: Log): Promise<Subscription[]> {
  const ask = (path: string) =>
    app.send({ method: 'GET', path, headers: { 'content-type': 'application/json', 'dapr-app-id': appId } });
  await ask('/dapr/config').catch((error: Error) => log.warn(error.message));
  const answer = await ask('/dapr/subscribe');
  if (answer.status !== 200) {
    if (answer.status !== 404)
      log.error(`GET /dapr/subscribe: the app answered ${answer.status}; it has no subscriptions`);
    return [];
  }
  const text = answer.body.toString('utf8').trim();
  if (text === '') return [];
  try {
    const list = new Field('GET /dapr/subscribe', '', JSON.parse(text));
    const specs = list.list().map(readProgrammatic);
    for (const { rules, topic } of specs)
      if (rules.length === 0) log.warn(`the subscription to ${topic} has no route; it is left out`);
    return specs.filter(({ rules }) => rules.length > 0).map((spec) => toSubscription(spec, 'PROGRAMMATIC'));
  } catch (error) {
    log.error(`${(error as Error).message}; all subscriptions of the app are lost`);
    return [];
  }
}

/**
 * The declared subscriptions; the last of one name counts.
 *
 * @throws {ResourceError} for a routing rule that does not parse
 */
export function declareSubscriptions(declared: readonly DeclaredSubscription[]): Subscription[] {
  const byName = new Map(declared.map((spec) => [spec.name, spec]));
  return [...byName.values()].map((spec) => toSubscription(spec, 'DECLARATIVE'));
}

/** One subscription for each topic: what the app says, and of it the last, or else the first that is declared. */
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

/** Dapr takes only strings for metadata from the app. */
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
    throw new ResourceError(`the routing rules of topic ${spec.topic} do not parse: ${line}`, { cause: error });
  }
}
