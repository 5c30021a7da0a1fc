import { afterAll, beforeAll, describe } from 'vitest';
import { deliveryScenarios } from './delivery';
import { documentedCommands } from './kubernetes/commands';
import { invocationScenarios } from './kubernetes/invocation';
import { networkScenarios } from './kubernetes/network';
import { productionScenarios } from './kubernetes/production';
import { rolloutScenarios } from './kubernetes/rollouts';
import { validationScenarios } from './kubernetes/validation';
import { loadImages } from './stacks/kubernetes-image';
import { hasDapr, missingForKubernetes } from './stacks/kubernetes-requirements';
import { type KubernetesStack, startKubernetesStack } from './stacks/kubernetes-stack';

const missing = missingForKubernetes();
const available = missing ?? 'available';
// Without Dapr's control plane, nothing injects sidecars.
const withDapr = missing !== undefined || hasDapr();
const missingForDapr = missing ?? (withDapr ? undefined : "the cluster has no control plane of Dapr's");

/** Defines the tests of an overlay that has everything in the cluster. */
function overlayScenarios(overlay: string, more: (sharedStack: () => KubernetesStack) => void): void {
  let stack: KubernetesStack;
  const sharedStack = () => stack;
  beforeAll(async () => {
    loadImages(overlay);
    stack = await startKubernetesStack(overlay);
  }, 900_000);
  afterAll(() => stack?.stop(), 240_000);

  // These scenarios stop their stack at the end. Here the stop does nothing, because the next scenarios need the stack.
  deliveryScenarios(async () => Object.assign(Object.create(stack), { stop: async () => 0 }));
  more(sharedStack);
  rolloutScenarios(sharedStack);
}

const overlay = withDapr ? 'demo' : 'local';
describe.skipIf(missing)(`Kubernetes, overlay ${overlay} [${available}]`, () =>
  overlayScenarios(overlay, (sharedStack) => {
    validationScenarios();
    describe('the network', () => networkScenarios(sharedStack));
    describe('service invocation', () => invocationScenarios(sharedStack));
    describe('the documented commands', () => documentedCommands(sharedStack));
  }),
);

describe.skipIf(missingForDapr)(`Kubernetes, overlay kafka [${missingForDapr ?? 'available'}]`, () =>
  overlayScenarios('kafka', () => {}),
);

describe.skipIf(missingForDapr)(`Kubernetes, overlay for production [${missingForDapr ?? 'available'}]`, () =>
  productionScenarios(),
);
