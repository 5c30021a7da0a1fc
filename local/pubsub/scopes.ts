import type { Component } from '../resources/component';

/** The topics that an app may use. */
export interface TopicScopes {
  mayPublish(topic: string): boolean;
  maySubscribe(topic: string): boolean;
}

/**
 * Returns the scopes of an app, from the metadata `allowedTopics`, `protectedTopics`, `publishingScopes` and
 * `subscriptionScopes` of a pub/sub component.
 * https://docs.dapr.io/developing-applications/building-blocks/pubsub/pubsub-scopes/
 */
export function readScopes({ metadata }: Component, appId: string): TopicScopes {
  const text = (name: string) => (metadata.get(name) ?? '').replaceAll(' ', '');
  const topics = (name: string) => (text(name) === '' ? [] : text(name).split(','));
  // The format is `app1=t1,t2;app2=t3`. An app with an empty list may use no topic.
  const topicsOfApp = (name: string) =>
    text(name)
      .split(';')
      .map((entry) => entry.split('='))
      .filter(([app, list]) => app === appId && list !== undefined)
      .flatMap(([, list = '']) => list.split(','));
  const allowed = topics('allowedTopics');
  const guarded = topics('protectedTopics');
  const may = (scope: string[]) => (topic: string) => {
    if (allowed.length > 0 && !allowed.includes(topic)) return false;
    return (scope.length === 0 && !guarded.includes(topic)) || scope.includes(topic);
  };
  return { mayPublish: may(topicsOfApp('publishingScopes')), maySubscribe: may(topicsOfApp('subscriptionScopes')) };
}
