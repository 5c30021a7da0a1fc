import { afterAll, beforeAll, describe } from 'vitest';
import { deliveryScenarios } from './delivery';
import { networkScenarios } from './kubernetes/network';
import { rolloutScenarios } from './kubernetes/rollouts';
import { validationScenarios } from './kubernetes/validation';
import { loadImages } from './stacks/kubernetes-image';
import { hasDapr, missingForKubernetes } from './stacks/kubernetes-requirements';
import { type KubernetesStack, startKubernetesStack } from './stacks/kubernetes-stack';

const missing = missingForKubernetes();
// Without Dapr's control plane, nothing injects sidecars.
const overlay = missing || hasDapr() ? 'demo' : 'local';

describe.skipIf(missing)(`Kubernetes, overlay ${overlay} [${missing ?? 'available'}]`, () => {
  let stack: KubernetesStack;
  const sharedStack = () => stack;
  beforeAll(async () => {
    loadImages(overlay);
    stack = await startKubernetesStack(overlay);
  }, 900_000);
  afterAll(() => stack?.stop(), 240_000);

  // These scenarios stop their stack at the end. Here the stop does nothing, because the next scenarios need the stack.
  deliveryScenarios(async () => Object.assign(Object.create(stack), { stop: async () => 0 }));
  validationScenarios();
  describe('the network', () => networkScenarios(sharedStack));
  rolloutScenarios(sharedStack);
});
