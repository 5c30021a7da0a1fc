import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { hasKubectl } from './stacks/kubernetes-requirements';
import { ROOT } from './stacks/root';

// What every manifest of kubernetes/ must have. kubectl renders the overlays, and needs no cluster for that.

const KUBERNETES = join(ROOT, 'kubernetes');
const overlays = readdirSync(join(KUBERNETES, 'overlays'));
const missing = hasKubectl() ? undefined : 'kubectl is not installed';

interface Container {
  name: string;
  image?: string;
  resources?: { requests?: object; limits?: { memory?: string } };
  securityContext?: object;
}
interface PodTemplate {
  metadata?: { annotations?: Record<string, string> };
  spec: {
    serviceAccountName?: string;
    automountServiceAccountToken?: boolean;
    enableServiceLinks?: boolean;
    terminationGracePeriodSeconds?: number;
    securityContext?: object;
    containers: Container[];
    initContainers?: Container[];
  };
}
interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec: {
    template?: PodTemplate;
    jobTemplate?: { spec: { template: PodTemplate } };
    metadata?: Setting[];
    ports?: { port: number }[]; // of a Service
    podSelector?: object; // of a NetworkPolicy
    parentRefs?: { namespace: string }[]; // of an HTTPRoute
    rules?: { matches: { path: object }[]; backendRefs: { name: string; port: number }[] }[];
  };
}
interface Setting {
  name: string;
  value?: string;
  envRef?: string;
  secretKeyRef?: object;
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const render = (overlay: string): Manifest[] =>
  parseAllDocuments(
    execFileSync('kubectl', ['kustomize', join(KUBERNETES, 'overlays', overlay)], { encoding: 'utf8' }),
  ).map((document) => document.toJS());
const templateOf = ({ spec }: Manifest) => spec?.template ?? spec?.jobTemplate?.spec.template;

/** The images that Docker Compose runs, and the image of the services in the version of package.json. */
const known = new Set([
  ...[...read('.env').matchAll(/^\w+_IMAGE=(\S+)$/gm)].map(([, image]) => image),
  `dapr-microservice-sample:${JSON.parse(read('package.json')).version}`,
]);

test('When an image is named, then it has a tag, and Docker Compose runs the same one', () => {
  const files = readdirSync(KUBERNETES, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
  const images = files.flatMap((file) =>
    [...read(join('kubernetes', file)).matchAll(/^[^#\n]*\bimage: "?([^\s"}]+)/gm)].map(([, image = '']) => image),
  );
  expect(images.length).toBeGreaterThan(3);
  expect(images.filter((image) => !known.has(image))).toEqual([]);
});

test('When a sidecar stops, then it waits as long as in Docker Compose, and Kubernetes waits longer than the retries', () => {
  const [, seconds] = /--dapr-graceful-shutdown-seconds (\d+)/.exec(read('container/daprd.sh')) ?? [];
  const { metadata, spec } = parse(read('kubernetes/base/every-service.yaml')).spec.template;
  expect(metadata.annotations).toMatchObject({ 'dapr.io/graceful-shutdown-seconds': seconds });
  const block = Number(/^(\d+)s$/.exec(metadata.annotations['dapr.io/block-shutdown-duration'])?.[1]);
  expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(45 + block + 9);
});

describe.skipIf(missing).each(overlays)(`overlay %s [${missing ?? 'rendered'}]`, (overlay) => {
  const manifests = missing ? [] : render(overlay);
  const templates = manifests.flatMap((manifest) => {
    const template = templateOf(manifest);
    return template ? [{ name: manifest.metadata.name, kind: manifest.kind, template }] : [];
  });
  const containers = templates.flatMap(({ name, template: { spec } }) =>
    [...spec.containers, ...(spec.initContainers ?? [])].map((container) => ({
      ...container,
      name: `${name}/${container.name}`,
    })),
  );

  test('When a container runs, then it has limits, no rights, and cannot write to its image', () => {
    expect(containers.length).toBeGreaterThan(3);
    for (const { name, image, resources, securityContext } of containers) {
      expect(image, name).toMatch(/:[\w.-]+$/);
      expect(image, name).not.toMatch(/:latest$/);
      expect(resources?.limits?.memory, name).toBeDefined();
      expect(resources?.requests, name).toMatchObject({ cpu: expect.any(String), memory: expect.any(String) });
      expect(securityContext, name).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: !name.startsWith('kafka'), // its start script writes the configuration
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  test('When a pod runs, then not as root, with a seccomp profile, and without rights in the cluster', () => {
    for (const { name, template } of templates) {
      expect(template.spec, name).toMatchObject({
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
    }
    const accounts = new Set(
      manifests.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name),
    );
    const named = templates.flatMap(({ template }) => template.spec.serviceAccountName ?? []);
    expect(named.filter((account) => !accounts.has(account))).toEqual([]);
  });

  test('When an app is named, then dapr.yaml knows it, and its container runs the program of that name', () => {
    const apps = (parse(read('dapr.yaml')).apps as { appID: string; command: string[] }[]).filter(
      ({ appID }) => appID !== 'inbox',
    );
    const services = templates.filter(({ kind, template }) => kind === 'Deployment' && template.metadata?.annotations);
    expect(services.map(({ name }) => name).sort()).toEqual(apps.map(({ appID }) => appID).sort());
    for (const { name, template } of services) {
      expect(template.metadata?.annotations).toMatchObject({ 'dapr.io/app-id': name });
      const command = apps.find(({ appID }) => appID === name)?.command.slice(1);
      expect(template.spec.containers.find((container) => container.name === 'app')).toMatchObject({
        command: ['node'],
        args: command,
      });
    }
  });

  test('When components are rendered, then their settings are those of Docker Compose, apart from addresses and logins', () => {
    // The sidecars of the overlay `local` read the files in the image.
    const rendered = manifests.filter(({ kind }) => kind === 'Component');
    expect(rendered.length).toBeGreaterThan(overlay === 'local' ? -1 : 1);
    for (const { metadata, spec } of rendered) {
      const [, name = '', replay = ''] = /^(.*?)(-replay)?$/.exec(metadata.name) ?? [];
      const broker = `${name === 'pubsub' && JSON.stringify(spec).includes('pubsub.kafka') ? 'kafka' : 'redis'}${replay}`;
      const source = parse(read(`components/${broker}/${name}.yaml`)) as Manifest;
      const settings = ({ metadata = [] }: Manifest['spec']) =>
        metadata.filter(({ name, value, envRef }) => value && !envRef && name !== 'authType');
      expect(spec, metadata.name).toMatchObject({ type: (source.spec as { type?: string }).type });
      const ours = settings(spec).map(({ name }) => name);
      expect(settings(source.spec).filter(({ name }) => !ours.includes(name))).toEqual([]);
      for (const setting of settings(source.spec)) expect(spec.metadata).toContainEqual(setting);
    }
  });

  test('When requests come from a Gateway, then the route leads to a port of a Service, and its namespace may connect', () => {
    const of = (wanted: string) => manifests.filter(({ kind }) => kind === wanted);
    const routes = of('HTTPRoute');
    expect(routes).toHaveLength(overlay === 'production' ? 1 : 0);
    const services = of('Service').flatMap(({ metadata: { name }, spec }) =>
      spec.ports?.map(({ port }) => ({ name, port })),
    );
    for (const { spec } of routes) {
      const backends = spec.rules?.flatMap(({ backendRefs }) => backendRefs) ?? [];
      expect(backends).not.toEqual([]);
      expect(services).toEqual(expect.arrayContaining(backends));
      const paths = spec.rules?.flatMap(({ matches }) => matches.map(({ path }) => path));
      expect(paths).toEqual([{ type: 'Exact', value: '/followers' }]); // not the probes
      const policies = of('NetworkPolicy').filter((policy) =>
        /"api-facade"/.test(JSON.stringify(policy.spec.podSelector)),
      );
      // The manifest assumes that the pods of the Gateway are in its namespace.
      for (const { namespace } of spec.parentRefs ?? [])
        expect(JSON.stringify(policies)).toContain(`"kubernetes.io/metadata.name":"${namespace}"`);
    }
  });

  test('When secrets are needed, then none of them is in a manifest', () => {
    expect(manifests.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    for (const { spec } of manifests.filter(({ kind }) => kind === 'Component')) {
      for (const setting of spec.metadata ?? []) {
        if (/password|token|secret/i.test(setting.name)) expect(Object.keys(setting)).toEqual(['name', 'secretKeyRef']);
      }
    }
  });
});
