import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { kubectl, kubectlWithInput } from '../stacks/kubectl';
import { ROOT } from '../stacks/root';

const OVERLAYS = join(ROOT, 'kubernetes/overlays');

/** Defines the tests that the cluster accepts the manifests of every overlay. */
export function validationScenarios(): void {
  test.each(readdirSync(OVERLAYS))(
    'When the overlay %s is validated by the cluster, then every manifest of a known kind is accepted without a warning',
    async (overlay) => {
      const versions = (await kubectl('api-versions')).split('\n');
      const documents = parseAllDocuments(await kubectl('kustomize', join(OVERLAYS, overlay))).map((document) =>
        document.toJS(),
      );
      const [known, others] = [true, false].map((isKnown) =>
        documents.filter(({ apiVersion }) => versions.includes(apiVersion) === isKnown),
      );
      console.log(`${overlay}: not validated: ${others?.map(({ kind, metadata }) => `${kind} ${metadata.name}`)}`);
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: known });
      const output = await kubectlWithInput(list, 'apply', '--dry-run=server', '--validate=strict', '--filename', '-');
      expect(output.trim().split('\n')).toHaveLength(known?.length ?? 0);
    },
  );
}
