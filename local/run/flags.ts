import { UsageError } from '../usage-error';

type Kind = 'text' | 'integer' | 'boolean' | 'list';

interface Flag {
  kind: Kind;
  short?: string;
  /**
   * A flag of `dapr run` or daprd that has no effect here, because there is no gRPC, placement, scheduler or profiler.
   */
  ignored?: true;
}

const text = { kind: 'text' } as const;
const integer = { kind: 'integer' } as const;
const boolean = { kind: 'boolean' } as const;
const ignored = (kind: Kind, short?: string): Flag => ({ kind, ignored: true, ...(short && { short }) });

/** The flags of `dapr run`, followed by flags that only daprd has. */
const FLAGS = {
  'app-id': { ...text, short: 'a' },
  'app-port': { ...integer, short: 'p' },
  'app-protocol': { ...text, short: 'P' },
  'app-max-concurrency': integer,
  'app-channel-address': text,
  'dapr-http-port': { ...integer, short: 'H' },
  'dapr-listen-addresses': text,
  'dapr-public-port': integer,
  'dapr-public-listen-address': text,
  'allowed-origins': text,
  /** Connections to this port are refused. */
  'dapr-grpc-port': { ...integer, short: 'G' },
  'runtime-path': text,
  'resources-path': { kind: 'list' },
  'components-path': { ...text, short: 'd' },
  config: { ...text, short: 'c' },
  'run-file': { ...text, short: 'f' },
  /** Not a flag of `dapr run`, where apps cannot share in-memory brokers. */
  join: text,
  'enable-app-health-check': boolean,
  'app-health-check-path': text,
  'app-health-probe-interval': integer,
  'app-health-probe-timeout': integer,
  'app-health-threshold': integer,
  'max-body-size': text,
  'read-buffer-size': text,
  /** In KiB. An old form of `read-buffer-size`. */
  'dapr-http-read-buffer-size': integer,
  'disable-init-endpoints': { kind: 'list' },
  help: { ...boolean, short: 'h' },
  'log-level': ignored('text'),
  'dapr-internal-grpc-port': ignored('integer', 'I'),
  'metrics-port': ignored('integer', 'M'),
  'profile-port': ignored('integer'),
  'enable-profiling': ignored('boolean'),
  'enable-metrics': ignored('boolean'),
  'enable-api-logging': ignored('boolean'),
  'placement-host-address': ignored('text'),
  'scheduler-host-address': ignored('text'),
  'dapr-graceful-shutdown-seconds': integer,
  'dapr-block-shutdown-duration': text,
} as const satisfies Record<string, Flag>;

export type FlagName = keyof typeof FLAGS;
type ValueOf<F extends FlagName> = {
  text: string;
  integer: number;
  boolean: boolean;
  list: string[];
}[(typeof FLAGS)[F]['kind']];
export type Flags = { [F in FlagName]?: ValueOf<F> };

export interface CommandLine {
  flags: Flags;
  /** The command of the app: a program and its arguments. */
  command: string[];
}

const names = Object.keys(FLAGS) as FlagName[];

/** Returns a line for each flag that has an effect, and one line with the other flags. */
export function describeFlags(): string {
  const lineOf = (name: FlagName) => {
    const { kind, short }: Flag = FLAGS[name];
    const value = { text: ' TEXT', integer: ' NUMBER', boolean: '', list: ' PATH (several times)' }[kind];
    return `  ${short ? `-${short}, ` : '    '}--${name}${value}`;
  };
  const isIgnored = (name: FlagName) => 'ignored' in FLAGS[name];
  const others = names.filter(isIgnored).map((name) => `--${name}`);
  return [
    'flags:',
    ...names.filter((name) => !isIgnored(name)).map(lineOf),
    `without effect: ${others.join(', ')}`,
  ].join('\n');
}

/**
 * Returns the flags and the command in the arguments of `run`. A `--` before the command is optional.
 *
 * @throws {UsageError} for an unknown flag or a value of the wrong kind
 */
export function parseFlags(args: readonly string[]): CommandLine {
  const values = new Map<FlagName, string | number | boolean | string[]>();
  let at = 0;
  for (; at < args.length; at += 1) {
    const arg = args[at] ?? '';
    if (arg === '--') return { flags: Object.fromEntries(values), command: args.slice(at + 1) };
    if (!/^-./.test(arg)) break;
    const [given = '', inline] = splitFlag(arg);
    const name = names.find((n) => given === `--${n}` || given === `-${(FLAGS[n] as Flag).short}`);
    if (!name) throw new UsageError(`unknown flag: ${given}`);
    const flag: Flag = FLAGS[name];
    if (flag.kind === 'boolean') {
      values.set(name, readBoolean(given, inline ?? 'true'));
      continue;
    }
    if (inline === undefined) at += 1;
    const value = inline ?? args[at];
    if (value === undefined) throw new UsageError(`flag needs a value: ${given}`);
    if (flag.kind === 'integer') values.set(name, readInteger(given, value));
    else if (flag.kind === 'list') values.set(name, [...((values.get(name) as string[]) ?? []), ...value.split(',')]);
    else values.set(name, value);
  }
  return { flags: Object.fromEntries(values), command: args.slice(at) };
}

function splitFlag(arg: string): [flag: string, value: string | undefined] {
  const at = arg.indexOf('=');
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}

function readInteger(flag: string, value: string): number {
  if (/^-?\d+$/.test(value)) return Number(value);
  throw new UsageError(`${flag} is ${JSON.stringify(value)}; allowed: a whole number`);
}

function readBoolean(flag: string, value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw new UsageError(`${flag} is ${JSON.stringify(value)}; allowed: true, false`);
}
