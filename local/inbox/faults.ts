import { HttpError } from './http';

/** A fault: the error code of the answer, and the probability in percent. */
export interface Trigger {
  ErrorCode: number;
  Probability: number;
}

/**
 * The deliberate faults of the inbox, with the names of Mailpit's chaos API. Mailpit does not have `Push` and
 * `AfterData`. `Push` answers a push with an HTTP error. `AfterData` stores a mail and then closes the connection
 * without an answer.
 */
export interface Triggers {
  Sender: Trigger;
  Recipient: Trigger;
  Authentication: Trigger;
  Push: Trigger;
  AfterData: { Probability: number };
}

export type TriggerName = keyof Triggers;

const OFF: Triggers = {
  Sender: { ErrorCode: 451, Probability: 0 },
  Recipient: { ErrorCode: 451, Probability: 0 },
  Authentication: { ErrorCode: 535, Probability: 0 },
  Push: { ErrorCode: 503, Probability: 0 },
  AfterData: { Probability: 0 },
};

const RANGES = { ErrorCode: [400, 599], Probability: [0, 100] } as const;

/** Keeps the triggers and decides for each request whether a fault occurs. */
export class Faults {
  triggers: Triggers = OFF;
  private readonly listeners = new Set<() => void>();

  /** @param random returns a number from 0 up to, but not including, 1 */
  constructor(private readonly random: () => number) {}

  /**
   * Replaces all triggers. A trigger that `input` does not name is off, as in Mailpit.
   *
   * @throws {HttpError} 400 that names the wrong field; the triggers are then unchanged
   */
  set(input: unknown): void {
    this.triggers = parseTriggers(input);
    for (const listener of this.listeners) listener();
  }

  /** Returns whether the fault occurs for the current request. */
  occurs(name: TriggerName): boolean {
    const { Probability } = this.triggers[name];
    return Probability > 0 && Math.floor(this.random() * 100) < Probability;
  }

  /** Calls `listener` after each change. Returns a function that removes the listener. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** Returns the triggers that are on, in one line for the log. */
export function describeTriggers(triggers: Triggers): string {
  const on = Object.entries(triggers).filter(([, { Probability }]) => Probability > 0);
  const words = on.map(([name, { ErrorCode, Probability }]: [string, Partial<Trigger>]) =>
    [name, ErrorCode, `${Probability} %`].filter(Boolean).join(' '),
  );
  return words.join(', ') || 'none';
}

function parseTriggers(input: unknown): Triggers {
  const given = objectOf(input, 'the body');
  refuseOthers('unknown trigger', given, OFF);
  const number = (name: TriggerName, field: keyof Trigger, usual: number) => {
    const trigger = objectOf(given[name] ?? {}, name);
    refuseOthers(`${name} has no`, trigger, OFF[name]);
    const value = trigger[field];
    // Mailpit treats a code of 0 as missing.
    if (value === undefined || (field === 'ErrorCode' && value === 0)) return usual;
    return numberIn(RANGES[field], value, `${name}.${field}`);
  };
  const trigger = (name: Exclude<TriggerName, 'AfterData'>) => ({
    ErrorCode: number(name, 'ErrorCode', OFF[name].ErrorCode),
    Probability: number(name, 'Probability', 0),
  });
  return {
    Sender: trigger('Sender'),
    Recipient: trigger('Recipient'),
    Authentication: trigger('Authentication'),
    Push: trigger('Push'),
    AfterData: { Probability: number('AfterData', 'Probability', 0) },
  };
}

function refuseOthers(problem: string, given: object, allowed: object): void {
  const other = Object.keys(given).find((key) => !Object.hasOwn(allowed, key));
  if (other === undefined) return;
  throw bad(`${problem} ${JSON.stringify(other)}; allowed: ${Object.keys(allowed).join(', ')}`);
}

function objectOf(input: unknown, name: string): Record<string, unknown> {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return { ...input };
  throw bad(`${name} is ${JSON.stringify(input)}; allowed: an object`);
}

function numberIn([least, most]: readonly [number, number], value: unknown, name: string): number {
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value);
  throw bad(`${name} is ${JSON.stringify(value)}; allowed: a whole number from ${least} to ${most}`);
}

const bad = (message: string) => new HttpError(400, message);
