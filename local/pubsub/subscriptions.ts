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
    return list.list().flatMap((item) => toSubscription(readProgrammatic(item), 'PROGRAMMATIC', log));
  } catch (error) {
    log.error(`${(error as Error).message}; all subscriptions of the app are lost`);
    return [];
  }
}

/** The declared subscriptions that can be used. One that cannot is left out, with a line that says why. */
export function declareSubscriptions(declared: readonly DeclaredSubscription[], log: Log): Subscription[] {
  return declared.flatMap((spec) => {
    try {
      return toSubscription(spec, 'DECLARATIVE', log);
    } catch (error) {
      log.error(`Subscription ${spec.name}: ${(error as Error).message}; it is left out`);
      return [];
    }
  });
}

/** One subscription for each topic: the last wins, and what the app says wins over files. */
export function mergeSubscriptions(
  declared: readonly Subscription[],
  programmatic: readonly Subscription[],
): Subscription[] {
  const byTopic = new Map<string, Subscription>();
  for (const subscription of [...declared, ...programmatic]) {
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

function toSubscription(spec: SubscriptionSpec, type: Subscription['type'], log: Log): Subscription[] {
  if (spec.rules.length === 0) {
    log.warn(`the subscription to ${spec.topic} has no route; it is left out`);
    return [];
  }
  let route: Router;
  try {
    route = compileRules(spec.rules);
  } catch (error) {
    const [line] = (error as Error).message.split('\n');
    throw new ResourceError(`the routing rules of topic ${spec.topic} do not parse: ${line}`, { cause: error });
  }
  return [{ ...spec, type, route }];
}
