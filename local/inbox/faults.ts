import { HttpError } from './http';

/** A fault: what is answered, and how often, in percent. */
export interface Trigger {
  ErrorCode: number;
  Probability: number;
}

/**
 * Faults on purpose, in Mailpit's words (its "chaos"). `Push` and `AfterData` are this inbox's own: an HTTP status for
 * pushes, and a mail that is stored although its sender is cut off before the answer.
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

/** Which faults are switched on, and the dice. */
export class Chaos {
  triggers: Triggers = OFF;
  private readonly listeners = new Set<() => void>();

  /** @param random from 0 up to, not including, 1 */
  constructor(private readonly random: () => number) {}

  /**
   * Replaces all triggers; those left out are off, as in Mailpit.
   *
   * @throws {HttpError} 400, naming what is wrong; then nothing has changed
   */
  set(input: unknown): void {
    this.triggers = parseTriggers(input);
    for (const listener of this.listeners) listener();
  }

  /** Whether a fault strikes this time. */
  strikes(name: TriggerName): boolean {
    const { Probability } = this.triggers[name];
    return Probability > 0 && Math.floor(this.random() * 100) < Probability;
  }

  /** Calls `listener` after each change. Returns how to stop that. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** Every trigger in one line, for the log. */
export function describeTriggers(triggers: Triggers): string {
  const on = Object.entries(triggers).filter(([, { Probability }]) => Probability > 0);
  const words = on.map(([name, { ErrorCode, Probability }]: [string, Partial<Trigger>]) =>
    [name, ErrorCode, `${Probability} %`].filter(Boolean).join(' '),
  );
  return words.join(', ') || 'none';
}

function parseTriggers(input: unknown): Triggers {
  const given = objectOf(input, 'the body');
  refuseOthers('there is no trigger', given, OFF);
  const number = (name: TriggerName, field: keyof Trigger, usual: number) => {
    const trigger = objectOf(given[name] ?? {}, name);
    refuseOthers(`${name} has no`, trigger, OFF[name]);
    const value = trigger[field];
    // Mailpit takes a code of 0 for one that was left out.
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

function refuseOthers(what: string, given: object, allowed: object): void {
  const other = Object.keys(given).find((key) => !Object.hasOwn(allowed, key));
  if (other === undefined) return;
  throw bad(`${what} ${JSON.stringify(other)}; allowed: ${Object.keys(allowed).join(', ')}`);
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
