import { checkKeys, checkName, checkNumber, MisuseError, show } from './misuse';

/** The calls that can fail: to the Dapr API, and the deliveries to the app. */
export type FaultKind = 'publish' | 'state' | 'invoke' | 'bind' | 'deliver';

/** How calls fail. Without `status` and `disconnect`, they are only slow. */
export interface Fault {
  /** The number of calls that fail. Default: 1. `Infinity`: all. */
  times?: number;
  /** The status of the answer. */
  status?: number;
  /** The body of the answer. Default: an error as Dapr writes it. */
  body?: unknown;
  /** The wait before anything else happens, in milliseconds. */
  delayMs?: number;
  /** Breaks the connection instead of an answer. */
  disconnect?: boolean;
  /** The call has its effect, and only its answer is lost or replaced. Default: it has no effect. */
  after?: boolean;
  /** Only calls for this topic, state store, app id or binding. Default: every call of the kind. */
  name?: string;
}

const KINDS: readonly FaultKind[] = ['publish', 'state', 'invoke', 'bind', 'deliver'];
const FIELDS: readonly (keyof Fault)[] = ['times', 'status', 'body', 'delayMs', 'disconnect', 'after', 'name'];

/** The faults that a test has asked for, oldest first. */
export class Faults {
  private readonly list: { kind: FaultKind; fault: Fault; left: number }[] = [];

  /** Adds a fault. Returns a function that removes it. @throws {MisuseError} for an invalid fault */
  add(kind: FaultKind, fault: Fault): () => void {
    if (!KINDS.includes(kind)) throw new MisuseError(`fail: the kind is ${show(kind)}; allowed: ${KINDS.join(', ')}`);
    checkKeys(`fail('${kind}')`, fault, FIELDS);
    const { times = 1, status, delayMs, disconnect, after, name } = fault;
    const what = (field: string) => `fail('${kind}'): ${field}`;
    checkNumber(what('times'), times, 1, Number.POSITIVE_INFINITY);
    checkNumber(what('status'), status, 200, 599);
    checkNumber(what('delayMs'), delayMs, 0, 2 ** 31 - 1);
    if (name !== undefined) checkName(what('name'), name);
    const says = 'allowed: one of status, delayMs and disconnect at least';
    if (status === undefined && delayMs === undefined && !disconnect)
      throw new MisuseError(`${what('nothing')}; ${says}`);
    if (status !== undefined && disconnect) {
      throw new MisuseError(`${what('status and disconnect')} exclude each other; allowed: one of them`);
    }
    if (after && status === undefined && !disconnect) {
      throw new MisuseError(`${what('after')} has no effect alone; allowed: after with status or disconnect`);
    }
    const entry = { kind, fault, left: times };
    this.list.push(entry);
    return () => this.remove(entry);
  }

  /** Returns the fault of the next call of this kind; undefined if it does not fail. */
  take(kind: FaultKind, name: string): Fault | undefined {
    const entry = this.list.find((item) => item.kind === kind && (item.fault.name ?? name) === name);
    if (!entry) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) this.remove(entry);
    return entry.fault;
  }

  clear(): void {
    this.list.length = 0;
  }

  private remove(entry: (typeof this.list)[number]): void {
    const at = this.list.indexOf(entry);
    if (at >= 0) this.list.splice(at, 1);
  }
}
