import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { daprContext } from './compose-override';
import { ROOT } from './root';

/** The image of the services in kubernetes/. */
export const IMAGE = 'dapr-microservice-sample:1.0.0';

/**
 * Builds the image of the services and copies all images of the overlay into the cluster with the command LOAD_IMAGES,
 * such as `kind load docker-image`: the names of the images are its arguments. Without that variable, the cluster has or
 * pulls the images.
 */
export function loadImages(overlay: string): void {
  const command = process.env.LOAD_IMAGES;
  if (!command) return;
  buildImage();
  const yaml = execFileSync('kubectl', ['kustomize', join(ROOT, 'kubernetes/overlays', overlay)], { encoding: 'utf8' });
  const images = new Set([...yaml.matchAll(/^[\s-]+image: (\S+)$/gm)].map(([, image = '']) => image));
  execFileSync('sh', ['-c', `${command} "$@"`, command, ...images], { cwd: ROOT, stdio: 'inherit' });
}

function buildImage(): void {
  const folder = mkdtempSync(join(tmpdir(), 'image-'));
  try {
    const context = daprContext(folder);
    const versions = readFileSync(join(ROOT, '.env'), 'utf8').match(/^(NODE_IMAGE|DAPR_\w+_VERSION)=.*$/gm) ?? [];
    const args = versions.flatMap((version) => ['--build-arg', version]);
    const dapr = context ? ['--build-context', `dapr=${context}`] : [];
    execFileSync('docker', ['build', '--quiet', '--tag', IMAGE, ...args, ...dapr, ROOT], { stdio: 'inherit' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
