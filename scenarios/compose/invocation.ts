import { expect, test } from 'vitest';
import type { ComposeStack } from '../stacks/compose-stack';

/**
 * A Node.js program that invokes followerAdded of a service through the sidecar at DAPR_HTTP_PORT, with an event that is no
 * follow. It prints the status of the answer. Its arguments are the service and the app id that it pretends to have.
 */
const INVOKE = `
  const [service, pretended] = process.argv.slice(1);
  const { DAPR_HTTP_PORT, DAPR_API_TOKEN = '' } = process.env;
  const headers = { 'content-type': 'application/cloudevents+json', 'dapr-api-token': DAPR_API_TOKEN };
  if (pretended) headers['dapr-caller-app-id'] = pretended;
  const invoke = async (attempts) => {
    const url = 'http://127.0.0.1:' + DAPR_HTTP_PORT + '/v1.0/invoke/' + service + '/method/followerAdded';
    const answer = await fetch(url, { method: 'POST', headers, body: '{"specversion":"1.0","id":"invoked","data":{}}' });
    const text = await answer.text();
    // Now and then a sidecar is not found at once.
    if (text.includes('ERR_DIRECT_INVOKE') && attempts > 0) return invoke(attempts - 1);
    console.log('answer: ' + answer.status);
  };
  invoke(10);`;

/** A shell script that runs a Node.js program with the environment of the service in its container. */
const AS_SERVICE = `
  for p in /proc/[0-9]*; do
    if tr '\\0' ' ' <$p/cmdline | grep -qE '^(/[^ ]*/)?node dist/'; then
      exec env $(tr '\\0' '\\n' <$p/environ | grep -E '^DAPR_(HTTP_PORT|API_TOKEN)=') node -e "$0" "$@"
    fi
  done 2>/dev/null`;

const EMAIL = 'email-notification-service';

/** Defines the tests that only the replay of a service may invoke its route followerAdded. They need real Dapr. */
export function invocationScenarios(sharedStack: () => ComposeStack): void {
  test.for(['api-facade', 'push-notification-service', EMAIL])(
    'When %s invokes followerAdded through its sidecar, then its sidecar has no such API',
    async (service, context) => {
      const stack = sharedStack();
      if (stack.replayUnavailable) context.skip(stack.replayUnavailable);
      expect(await stack.exec(service, 'sh', '-c', AS_SERVICE, INVOKE, EMAIL, `${EMAIL}-replay`)).toBe('answer: 404\n');
    },
  );

  test.for([
    { caller: `${EMAIL}-replay`, pretended: '', status: 200 },
    { caller: 'stranger', pretended: '', status: 403 },
    { caller: 'push-notification-service-replay', pretended: '', status: 403 },
    { caller: 'stranger', pretended: `${EMAIL}-replay`, status: 403 },
  ])(
    'When the app $caller, which pretends to be "$pretended", invokes followerAdded, then the status is $status',
    { timeout: 60_000 },
    async ({ caller, pretended, status }, context) => {
      const stack = sharedStack();
      if (stack.replayUnavailable) context.skip(stack.replayUnavailable);
      const flags = [
        '--dapr-http-port',
        '3500',
        '--config',
        'components/config.yaml',
        '--resources-path',
        'components/common',
      ];
      const run = ['dapr', 'run', '--app-id', caller, ...flags, '--', 'node', '-e', INVOKE, EMAIL, pretended];
      const output = await stack.compose('run', '--rm', '-T', '--no-deps', '--entrypoint', 'env', 'replay', ...run);
      expect(output).toContain(`answer: ${status}`);
    },
  );
}
