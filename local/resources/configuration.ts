import type { Log } from '../log';
import { ResourceError } from './document';
import { readDocuments } from './load';

/** The parts of a `Configuration` that this sidecar knows. https://docs.dapr.io/reference/resource-specs/configuration-schema/ */
export interface Configuration {
  /**
   * From 0 to 1: the share of new traces that are sampled. Undefined: tracing is off, so that incoming trace headers
   * pass through unchanged and no span is made.
   */
  samplingRate: number | undefined;
}

/** @throws {ResourceError} when the file cannot be read, is not YAML or has no Configuration */
export function loadConfiguration(file: string, log: Log): Configuration {
  const document = readDocuments(file).find((candidate) => candidate.get('kind').value === 'Configuration');
  if (!document) throw new ResourceError(`${file}: there is no document of kind Configuration`);
  const spec = document.get('spec');
  const rate = spec.get('tracing').get('samplingRate');
  for (const key of spec.unknownKeys()) log.warn(`${file}: ${key} is not supported and is ignored`);
  if (!rate.present) return { samplingRate: undefined };
  const samplingRate = Number(rate.scalar());
  if (!(samplingRate >= 0 && samplingRate <= 1)) return rate.fail('a number from 0 to 1');
  return { samplingRate };
}
