import { hostname } from 'node:os';
import type { Case, Json, JsonRecord } from './recording';

export interface MatchOptions {
  /** The values of the placeholders for ports and addresses. */
  known: Record<string, string>;
  toleranceMs: number;
  /** Whether the order of the deliveries is ignored. */
  unordered: boolean;
}

/** Returns the options for a case that ran with these ports and addresses. */
export const matchOptionsOf = ({ tolMs, unordered }: Case, known: Record<string, string>): MatchOptions => ({
  known,
  toleranceMs: tolMs ?? 300,
  unordered: unordered ?? false,
});

/** The patterns of generated values, by the names of their placeholders. */
export const PATTERNS: Readonly<Record<string, string>> = {
  uuid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  trace: '[0-9a-f]{32}',
  span: '[0-9a-f]{16}',
  time: '20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?(?:Z|[+-]\\d\\d:\\d\\d)',
  streamid: '\\d{13}-\\d+',
  ephemeral: '\\d{4,5}',
};
const UNORDERED = new Set(['enabledFeatures', 'failedEntries']);

/**
 * Returns one line for each difference between an observation and the recording. The recording has placeholders for
 * generated values: `{uuid:1}` stands for the same value everywhere in a case, and `{uuid:2}` for another value.
 */
export function findDifferences(recorded: JsonRecord, observed: JsonRecord, options: MatchOptions): string[] {
  const matcher = new Matcher(options);
  matcher.compare(recorded, observed, '');
  return matcher.found;
}

class Matcher {
  found: string[] = [];

  constructor(
    private readonly options: MatchOptions,
    private bound = new Map<string, string>(),
  ) {}

  compare(recorded: Json | undefined, observed: Json | undefined, path: string): void {
    const key = path.split('.').pop() ?? '';
    if (key === 'gapsMs') this.gaps(recorded as Json[], observed as number[], path);
    else if (key === 'tookMs' || key === 'firstMs') this.duration(recorded as Json[], observed, path);
    else if (recorded === undefined) this.differ(path, 'not expected', observed);
    else if (observed === undefined) this.differ(path, `missing, expected ${short(recorded)}`);
    else if (Array.isArray(recorded) && Array.isArray(observed)) this.list(recorded, observed, path, key);
    else if (isRecord(recorded)) this.record(recorded, unpacked(observed, recorded), path);
    else if (!this.isSame(recorded, observed)) this.differ(path, `expected ${short(recorded)}`, observed);
  }

  private record(recorded: JsonRecord, observed: Json, path: string): void {
    if (!isRecord(observed)) this.differ(path, `expected ${short(recorded)}`, observed);
    else {
      for (const name of new Set([...Object.keys(recorded), ...Object.keys(observed)])) {
        this.compare(recorded[name], observed[name], path === '' ? name : `${path}.${name}`);
      }
    }
  }

  private isSame(recorded: Json, observed: Json): boolean {
    if (typeof recorded !== 'string') return recorded === observed;
    return typeof observed === 'string' || typeof observed === 'number' ? this.text(recorded, String(observed)) : false;
  }

  private list(recorded: Json[], observed: Json[], path: string, key: string): void {
    if (recorded.length !== observed.length) {
      this.differ(path, `expected ${recorded.length} items`, observed.length);
    } else if (UNORDERED.has(key) || (this.options.unordered && /^deliveries2?$/.test(key))) {
      const left = [...observed];
      for (const [i, item] of recorded.entries()) {
        const at = left.findIndex((candidate) => this.fits(item, candidate));
        if (at < 0) this.differ(`${path}.${i}`, `no item matches ${short(item)}`, left);
        else left.splice(at, 1);
      }
    } else for (const [i, item] of recorded.entries()) this.compare(item, observed[i], `${path}.${i}`);
  }

  /** Returns whether two values match. It keeps the values of placeholders only if they match. */
  private fits(recorded: Json, observed: Json): boolean {
    const attempt = new Matcher({ ...this.options, unordered: false }, new Map(this.bound));
    attempt.compare(recorded, observed, 'item');
    if (attempt.found.length > 0) return false;
    this.bound = attempt.bound;
    return true;
  }

  private text(recorded: string, observed: string): boolean {
    if (recorded === observed) return true;
    const names: string[] = [];
    const pattern = recorded
      .split(/(\{[a-zA-Z0-9]+(?::\d+)?\})/)
      .map((part, i) => {
        const [name = '', kind = ''] = /^\{(([a-zA-Z0-9]+)(?::\d+)?)\}$/.exec(part)?.slice(1) ?? [];
        const known = kind === 'hostname' ? hostname() : this.options.known[kind];
        if (i % 2 === 0 || (known === undefined && !PATTERNS[kind])) return escapeRegExp(part);
        if (known !== undefined) return escapeRegExp(known);
        names.push(name);
        return `(${PATTERNS[kind]})`;
      })
      .join('');
    const values = new RegExp(`^${pattern}$`).exec(observed)?.slice(1);
    return values !== undefined && names.every((name, i) => this.bind(name, values[i] ?? ''));
  }

  /** Binds a numbered placeholder to a value. Returns false if it, or another of its kind, is bound differently. */
  private bind(name: string, value: string): boolean {
    if (!name.includes(':')) return true;
    const bound = this.bound.get(name);
    if (bound !== undefined) return bound === value;
    const kind = name.split(':')[0];
    for (const [other, taken] of this.bound) if (taken === value && other.startsWith(`${kind}:`)) return false;
    this.bound.set(name, value);
    return true;
  }

  private gaps(recorded: Json[], observed: number[] | undefined, path: string): void {
    const runs = (Array.isArray(recorded[0]) ? recorded : [recorded]) as number[][];
    if (runs[0]?.length !== observed?.length) this.differ(path, `expected ${short(runs[0] ?? [])}`, observed);
    else
      for (const [i, gap] of (observed ?? []).entries()) {
        this.duration(
          runs.map((run) => run[i] ?? 0),
          gap,
          `${path}.${i}`,
        );
      }
  }

  private duration(recorded: Json[], observed: Json | undefined, path: string): void {
    const values = [recorded].flat().map(Number);
    const tolerance = (ms: number) => Math.max(this.options.toleranceMs, ms * 0.3);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const ms = Number(observed);
    if (ms >= low - tolerance(low) && ms <= high + tolerance(high)) return;
    this.differ(path, `expected ${low} to ${high} ms`, observed);
  }

  private differ(path: string, expectation: string, observed?: Json): void {
    this.found.push(`${path}: ${expectation}${observed === undefined ? '' : `, got ${short(observed)}`}`);
  }
}

/** Returns the JSON that a string contains, where the recording has it parsed. */
function unpacked(observed: Json, recorded: JsonRecord): Json {
  if (typeof observed !== 'string') return observed;
  try {
    if (!('$base64OfJson' in recorded)) return JSON.parse(observed);
    return { $base64OfJson: JSON.parse(Buffer.from(observed, 'base64').toString()) };
  } catch {
    return observed;
  }
}

const isRecord = (value: Json): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const escapeRegExp = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

const short = (value: Json): string => {
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};
