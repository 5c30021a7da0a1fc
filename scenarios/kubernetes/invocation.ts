import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { kubectl, kubectlWithInput } from '../stacks/kubectl';
import type { KubernetesStack } from '../stacks/kubernetes-stack';
import { SERVICES } from '../stacks/stack';

const EMAIL = 'email-notification-service';

/**
 * A program that invokes followerAdded of a service through the sidecar of its pod, with an event that is no follow. It
 * prints the status and the text of the answer. Its arguments are the service and the app id that it pretends to have.
 */
const INVOKE = `
  const [service, pretended] = process.argv.slice(1);
  const api = 'http://127.0.0.1:' + process.env.DAPR_HTTP_PORT + '/v1.0';
  const headers = { 'content-type': 'application/cloudevents+json', 'dapr-api-token': process.env.DAPR_API_TOKEN ?? '' };
  if (pretended) headers['dapr-caller-app-id'] = pretended;
  const isUp = () => fetch(api + '/healthz/outbound').then(({ ok }) => ok, () => false);
  (async () => {
    while (!(await isUp())) await new Promise((resolve) => setTimeout(resolve, 200));
    const body = '{"specversion":"1.0","id":"invoked","data":{}}';
    const answer = await fetch(api + '/invoke/' + service + '/method/followerAdded', { method: 'POST', headers, body });
    console.log('answer: ' + answer.status + ' ' + (await answer.text()));
  })();`;

/**
 * A program that connects to the port on which sidecars call each other, without a certificate. It prints the name in the
 * certificate of the sidecar, and the error with which the connection ends.
 */
const CONNECT = `
  const options = { host: process.argv[1], port: 50002, rejectUnauthorized: false, ALPNProtocols: ['h2'] };
  const socket = require('node:tls').connect(options, () => console.log(socket.getPeerCertificate().subjectaltname));
  socket.on('error', ({ code }) => console.log(code)).setTimeout(5000, () => socket.destroy());`;

interface Template {
  metadata: { annotations: Record<string, string> };
  spec: { containers: object[] };
}

/** Runs a program in a pod that is like a replay, apart from its app id. Resolves with the output. */
async function runAs(appId: string, program: string, ...args: string[]): Promise<string> {
  const name = `caller-${randomUUID().slice(0, 8)}`;
  const path = 'jsonpath={.spec.jobTemplate.spec.template}';
  const { metadata, spec }: Template = JSON.parse(await kubectl('get', 'cronjob', 'replay', '--output', path));
  const annotations = { ...metadata.annotations, 'dapr.io/app-id': appId };
  const containers = [{ ...spec.containers[0], command: ['node', '-e', program], args }];
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, name, annotations },
    spec: { ...spec, containers },
  };
  await kubectlWithInput(JSON.stringify(pod), 'create', '--filename', '-');
  try {
    await kubectl('wait', `pod/${name}`, '--for', 'jsonpath={.status.phase}=Succeeded', '--timeout', '60s');
    return await kubectl('logs', name, '--container', 'app');
  } finally {
    await kubectl('delete', 'pod', name, '--wait=false');
  }
}

/** Defines the tests that only the replay of a service may invoke its route followerAdded. They need Dapr's control plane. */
export function invocationScenarios(sharedStack: () => KubernetesStack): void {
  const skipWithoutDapr = (skip: (reason?: string) => void) => {
    const { replayUnavailable } = sharedStack();
    if (replayUnavailable) skip(replayUnavailable);
  };
  const refusedBy = {
    nobody: /^answer: 200 /,
    'the sidecar': /^answer: 403 .*access control policy/,
    'the service': /^answer: 403 .*may not invoke this route/,
  };

  test.for([
    { caller: `${EMAIL}-replay`, pretended: '', refuser: 'nobody' },
    { caller: 'push-notification-service-replay', pretended: '', refuser: 'the service' },
    { caller: 'stranger', pretended: '', refuser: 'the sidecar' },
    { caller: 'stranger', pretended: `${EMAIL}-replay`, refuser: 'the sidecar' },
    { caller: 'api-facade', pretended: '', refuser: 'the sidecar' },
  ] as const)(
    'When the app $caller, which pretends to be "$pretended", invokes followerAdded, then $refuser refuses it',
    { timeout: 90_000 },
    async ({ caller, pretended, refuser }, { skip }) => {
      skipWithoutDapr(skip);
      expect(await runAs(caller, INVOKE, EMAIL, pretended)).toMatch(refusedBy[refuser]);
    },
  );

  test.for(SERVICES)(
    'When %s invokes followerAdded through its sidecar, then its sidecar has no such API',
    async (service, { skip }) => {
      skipWithoutDapr(skip);
      const [pod] = await sharedStack().podsOf(service);
      const exec = ['exec', pod?.metadata.name ?? '', '--container', 'app', '--', 'node', '-e', INVOKE];
      expect(await kubectl(...exec, EMAIL, `${EMAIL}-replay`)).toMatch(/^answer: 404 /);
    },
  );

  test('When a pod calls the sidecar of a service without a certificate, then the sidecar shows its own, and refuses the call', async ({
    skip,
  }) => {
    skipWithoutDapr(skip);
    const [pod] = await sharedStack().podsOf(EMAIL);
    const output = await runAs('stranger', CONNECT, pod?.status.podIP ?? '');
    expect(output).toContain(`URI:spiffe://public/ns/followers/${EMAIL}`);
    expect(output).toContain('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
  }, 90_000);
}
