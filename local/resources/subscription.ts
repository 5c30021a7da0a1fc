import type { Field } from './document';

/** A routing rule: events that match go to the path. The first rule that matches wins. */
export interface Rule {
  /** A CEL expression on `event`. Empty: every event matches. */
  match: string;
  path: string;
}

export interface BulkSubscribe {
  enabled: boolean;
  maxMessagesCount: number;
  maxAwaitDurationMs: number;
}

/** A subscription from the app or from a file. */
export interface SubscriptionSpec {
  pubsubName: string;
  topic: string;
  rules: Rule[];
  deadLetterTopic: string;
  metadata: ReadonlyMap<string, string>;
  bulkSubscribe: BulkSubscribe;
}

/** A `Subscription` document, v1alpha1 (`route`) or v2alpha1 (`routes`). */
export interface DeclaredSubscription extends SubscriptionSpec {
  name: string;
  scopes: string[];
}

/** Returns the subscription of a document. @throws {ResourceError} for an invalid field */
export function readSubscription(document: Field): DeclaredSubscription {
  const spec = document.get('spec');
  return {
    name: document.get('metadata').get('name').nonEmpty(),
    scopes: document.get('scopes').strings(),
    pubsubName: spec.get('pubsubname').string(),
    topic: spec.get('topic').string(),
    rules: document.get('apiVersion').value === 'dapr.io/v1alpha1' ? readRoute(spec) : readRoutes(spec.get('routes')),
    deadLetterTopic: spec.get('deadLetterTopic').string(''),
    metadata: new Map(
      spec
        .get('metadata')
        .entries()
        .map(([key, value]) => [key, value.string()]),
    ),
    bulkSubscribe: readBulkSubscribe(spec.get('bulkSubscribe')),
  };
}

/**
 * Returns the rules of a subscription from the app. It may have both forms: the rules of `routes`, followed by the
 * default of `routes` or, without a default, by `route`.
 */
export function readRules(spec: Field): Rule[] {
  const routes = spec.get('routes');
  return routes.get('default').string('') === '' ? [...readRoutes(routes), ...readRoute(spec)] : readRoutes(routes);
}

function readRoute(spec: Field): Rule[] {
  const path = spec.get('route').string('');
  return path === '' ? [] : [{ match: '', path }];
}

function readRoutes(routes: Field): Rule[] {
  const rules = routes
    .get('rules')
    .list()
    .map((rule) => ({ match: rule.get('match').string('').trim(), path: rule.get('path').string('') }));
  const rest = routes.get('default').string('');
  return rest === '' ? rules : [...rules, { match: '', path: rest }];
}

export const readBulkSubscribe = (field: Field): BulkSubscribe => ({
  enabled: field.get('enabled').boolean(false),
  maxMessagesCount: field.get('maxMessagesCount').integer(0),
  maxAwaitDurationMs: field.get('maxAwaitDurationMs').integer(0),
});
