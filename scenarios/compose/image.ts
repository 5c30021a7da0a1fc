import { expect, test } from 'vitest';
import type { ComposeStack } from '../stacks/compose-stack';

/** A shell script that lists the installed programs and packages, and every TypeScript file and npm cache. */
const LIST_FILES = [
  'ls /app /app/node_modules /usr/local/bin /usr/local/lib',
  // `find` fails at folders that it may not read. Only its output matters.
  'find / -xdev \\( -path "/app/*.ts" -o -name _cacache \\) -not -path "*/node_modules/*" 2>/dev/null',
  'true',
].join('; ');

/** Defines the test of the image. */
export function imageScenarios(sharedStack: () => ComposeStack): void {
  test('When the image is built, then it has a title, and contains no compiler, package manager, source or test', async () => {
    const stack = sharedStack();
    const { Config, Size } = JSON.parse(await stack.docker('image', 'inspect', await stack.image()))[0];
    expect(Config.Labels).toMatchObject({ 'org.opencontainers.image.title': 'dapr-microservice-sample' });
    console.log(`image: ${Math.round(Size / 1e6)} MB`);
    const found = await stack.exec('api-facade', 'sh', '-c', LIST_FILES);
    for (const unwanted of ['typescript', 'vitest', 'smtp-server', 'tsconfig.json', '.test', '_cacache']) {
      expect(found).not.toContain(unwanted);
    }
    expect(found).not.toMatch(/\.ts$/m);
    expect(found).not.toMatch(/^(npm|npx|yarn|corepack)$/m);
    expect(found).toContain('express');
  });
}
