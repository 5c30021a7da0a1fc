import { describe } from 'vitest';
import { deliveryScenarios } from './delivery';
import { startLocalStack } from './stacks/local-stack';

describe('local, in memory', () => deliveryScenarios(() => startLocalStack()));
