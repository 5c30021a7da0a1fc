import type { Figures, Latency, Plan, Rounds } from './measure';
import { ratios, spread } from './statistics';
import { LIMIT, QUICKSTART, QUICKSTART_PRINTS, SAMPLE, SAMPLE_IN_BATCHES } from './styles';

export interface Result {
  /** Whose sidecars were used. */
  sidecars: string;
  machine: string;
  at: string;
  seconds: number;
  plan: Plan;
  figures: Figures;
}

/** The result as Markdown tables: for a terminal, and for docs/performance.md. */
export function report({ sidecars, machine, seconds, plan, figures }: Result): string {
  const { throughput, fanOut, answer, startMs, memoryMb, backlog, counted } = figures;
  const of = (name: string) => throughput[name] ?? [];
  const sample = of(SAMPLE.name);
  const [oneReplica = '', smallest = ''] = [Object.keys(figures.replicas)[0], Object.keys(backlog)[0]];
  const latencies = (name: string, { p50, p95, p99 }: Latency) => [name, ms(p50), ms(p95), ms(p99)];
  return [
    `${sidecars}; ${machine}; ${plan.rounds} rounds, ${seconds} s.`,
    `Median (lowest to highest).`,
    '',
    ...table(
      ['full load', 'events/s'],
      Object.entries(throughput).map(([name, values]) => [name, whole(values)]),
    ),
    ...table(
      [`mail and push there, at ${plan.perSecond}/s`, 'p50 ms', 'p95 ms', 'p99 ms'],
      Object.entries(fanOut).map(([name, values]) => latencies(name, values)),
    ),
    ...table(
      [`answered, at ${plan.perSecond}/s`, 'p50 ms', 'p95 ms', 'p99 ms'],
      Object.entries(answer).map(([name, values]) => latencies(name, values)),
    ),
    ...table(
      ['goal', 'wanted', 'one by one', 'in batches'],
      [
        ...[QUICKSTART, QUICKSTART_PRINTS, LIMIT].map(({ name }) => [
          `${SAMPLE.name} ÷ ${name}`,
          name === LIMIT.name ? '1.00' : '3.00',
          times(ratios(sample, of(name))),
          times(ratios(of(SAMPLE_IN_BATCHES.name), of(name))),
        ]),
        [
          'p99 of POST /followers ÷ bare publish',
          '1.50 at most',
          times(ratios(answer['POST /followers'].p99, answer['bare publish'].p99)),
          '',
        ],
      ],
    ),
    ...table(
      ['replicas of each subscriber', 'events/s', `÷ ${oneReplica}`],
      Object.entries(figures.replicas).map(([number, values]) => [
        number,
        whole(values),
        times(ratios(values, figures.replicas[oneReplica] ?? [])),
      ]),
    ),
    ...table(
      ['backlog', 'events/s', `÷ ${smallest}`, 'services, MB', 'sidecars, MB'],
      Object.entries(backlog).map(([size, { eventsPerSecond, memoryMb }]) => [
        size,
        whole(eventsPerSecond),
        times(ratios(eventsPerSecond, backlog[smallest]?.eventsPerSecond ?? [])),
        whole(sums(memoryMb, isService)),
        whole(sums(memoryMb, isSidecar)),
      ]),
    ),
    ...table(
      ['process', 'MB at rest', 'MB at full load', 'CPU ms an event'],
      Object.keys(memoryMb.atRest).map((name) => [
        name,
        String(Math.round(memoryMb.atRest[name] ?? 0)),
        whole(memoryMb.atFullLoad[name] ?? []),
        times(figures.cpuMsPerEvent[SAMPLE.name]?.[name] ?? []),
      ]),
    ),
    ...table(
      ['CPU ms an event', 'services', 'sidecars', 'Redis'],
      Object.entries(figures.cpuMsPerEvent).map(([name, cpu]) => [
        name,
        times(sums(cpu, isService)),
        times(sums(cpu, isSidecar)),
        times(cpu.redis ?? []),
      ]),
    ),
    `From \`dapr run\` to ready: ${whole(startMs)} ms.`,
    `Counted at full load: ${counted.events} events, ${counted.mails} mails, ${counted.pushes} push messages.`,
  ].join('\n');
}

const isSidecar = (name: string) => name.endsWith(' sidecar');
const isService = (name: string) => name !== 'redis' && !isSidecar(name);

/** The sums of some processes, round by round. */
function sums(values: Rounds, which: (name: string) => boolean): number[] {
  const chosen = Object.entries(values).flatMap(([name, rounds]) => (which(name) ? [rounds] : []));
  return (chosen[0] ?? []).map((_, round) => chosen.reduce((total, rounds) => total + (rounds[round] ?? 0), 0));
}

/** With two digits for small numbers and none for large ones. */
function show(values: readonly number[], digits: number): string {
  if (values.length === 0) return '';
  const { median, min, max } = spread(values);
  const [middle, low, high] = [median, min, max].map((value) => value.toFixed(digits));
  return values.length === 1 ? `${middle}` : `${middle} (${low} to ${high})`;
}
const whole = (values: readonly number[]) => show(values, 0);
const ms = (values: readonly number[]) => show(values, 1);
const times = (values: readonly number[]) => show(values, 2);

function table(head: string[], rows: string[][]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line), ''];
}
