import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { daprContext } from './compose-override';
import { ROOT } from './root';

/** The image of the services in kubernetes/. */
export const IMAGE = 'dapr-microservice-sample:1.0.0';

/**
 * Builds the image of the services and copies it into the cluster, with all other images of the overlay that this machine
 * has. LOAD_IMAGES is the command for that, such as `kind load docker-image`: the names are its arguments. Without that
 * variable, the cluster has the images already.
 */
export function loadImages(overlay: string): void {
  const command = process.env.LOAD_IMAGES;
  if (!command) return;
  buildImage();
  const yaml = execFileSync('kubectl', ['kustomize', join(ROOT, 'kubernetes/overlays', overlay)], { encoding: 'utf8' });
  const images = new Set([...yaml.matchAll(/^[\s-]+image: (\S+)$/gm)].map(([, image = '']) => image).filter(isHere));
  execFileSync('sh', ['-c', `${command} "$@"`, command, ...images], { cwd: ROOT, stdio: 'inherit' });
}

function isHere(image: string): boolean {
  try {
    execFileSync('docker', ['image', 'inspect', image], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
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
