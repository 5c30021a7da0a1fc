// The way into the cluster for the scenarios: a pod that passes every connection on to the Service of api-facade, as a
// Gateway does. `kubectl port-forward` to the Service itself would hold on to one pod.

/**
 * Passes each connection to port 8080 on to api-facade, and logs why a connection breaks. As a Gateway does, it knows the
 * address of the Service and asks no DNS server, because a drain may stop that one, too.
 */
const PROGRAM = `
  require('node:net').createServer((client) => {
    const server = require('node:net').connect(80, process.env.API_FACADE_SERVICE_HOST);
    client.pipe(server).pipe(client);
    client.on('error', () => server.destroy());
    server.on('error', ({ message }) => {
      console.log(new Date().toISOString() + ' ' + message);
      client.destroy();
    });
  }).listen(8080);`;

const labels = { 'app.kubernetes.io/name': 'gateway' };

const policy = (name: string, podSelector: object, rules: object) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name },
  spec: { podSelector, ...rules },
});
const facade = { matchLabels: { 'app.kubernetes.io/name': 'api-facade' } };
const gateway = { matchLabels: labels };
const ports = [{ port: 8080 }];

export const GATEWAY = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'gateway', labels },
      spec: {
        automountServiceAccountToken: false,
        enableServiceLinks: true, // sets API_FACADE_SERVICE_HOST
        terminationGracePeriodSeconds: 1,
        // A drain must not evict it: near Redis, which the scenarios do not drain.
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              {
                topologyKey: 'kubernetes.io/hostname',
                labelSelector: { matchLabels: { 'app.kubernetes.io/name': 'redis' } },
              },
            ],
          },
        },
        containers: [
          {
            name: 'gateway',
            image: 'dapr-microservice-sample:1.0.0',
            command: ['node', '-e', PROGRAM],
            readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
          },
        ],
      },
    },
    policy('gateway', gateway, { policyTypes: ['Egress'], egress: [{ to: [{ podSelector: facade }], ports }] }),
    policy('from-gateway', facade, {
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: gateway }], ports }],
    }),
  ],
};
