import { describe } from 'vitest';
import { gracefulStopScenarios } from './graceful-stop';
import { missingForCompose } from './stacks/compose-requirements';
import { startComposeStack } from './stacks/compose-stack';

const missing = missingForCompose();
/** How often the subscribers are stopped under load. */
const STOPS = Number(process.env.STOPS ?? 1);

describe.skipIf(missing)(`Docker Compose [${missing ?? 'available'}]`, () =>
  gracefulStopScenarios(() => startComposeStack(), STOPS),
);
