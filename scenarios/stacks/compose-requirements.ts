import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './root';

/** Returns the reason why Docker Compose cannot run here; undefined if it can. */
export function missingForCompose(): string | undefined {
  return succeeds('compose', 'version') && succeeds('info')
    ? undefined
    : 'Docker Compose is not installed, or no Docker engine runs on this machine';
}

/** Returns the reason why Docker Compose cannot run here with Kafka as the broker; undefined if it can. */
export function missingForKafka(): string | undefined {
  const missing = missingForCompose();
  if (missing) return missing;
  if (process.env.DAPR_CONTEXT === undefined) return 'needs Dapr (DAPR_CONTEXT), because local/ has no Kafka';
  const image = /^KAFKA_IMAGE=(.*)$/m.exec(readFileSync(join(ROOT, '.env'), 'utf8'))?.[1] ?? '';
  return hasImage(image) ? undefined : `the image ${image} is not on this machine`;
}

/** Whether an image is on this machine, or Docker can pull it. */
export const hasImage = (image: string): boolean =>
  process.env.DAPR_CONTEXT === 'release' || succeeds('image', 'inspect', image);

function succeeds(...args: string[]): boolean {
  try {
    execFileSync('docker', args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
