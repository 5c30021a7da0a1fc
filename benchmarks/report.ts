import type { Figures, Latency, Rounds } from './figures';
import type { Plan } from './measure';
import { ratios, spread } from './statistics';
import { FAIR_LIMIT, LIMIT, QUICKSTART, QUICKSTART_PRINTS, SAMPLE, SAMPLE_IN_BATCHES } from './styles';

export interface Result {
  /** Name of the sidecars: Dapr or local/. */
  sidecars: string;
  machine: string;
  at: string;
  seconds: number;
  plan: Plan;
  figures: Figures;
}

/** The versions that the sample is compared with, and the goals, as ratios of the throughput. */
const COMPARED = [
  { style: QUICKSTART, goal: '1.30', goalInBatches: '2.00' },
  { style: QUICKSTART_PRINTS, goal: '', goalInBatches: '' },
  { style: FAIR_LIMIT, goal: '', goalInBatches: '0.60' },
  { style: LIMIT, goal: '', goalInBatches: '' },
];

/** Returns the result as Markdown tables, for a terminal and for docs/performance.md. */
export function report({ sidecars, machine, seconds, plan, figures }: Result): string {
  const { throughput, fanOut, besideRefusals, answer, startMs, memoryMb, backlog, counted } = figures;
  const throughputOf = (name: string) => throughput[name] ?? [];
  const sample = throughputOf(SAMPLE.name);
  const p99Of = (name: string) => fanOut[name]?.p99 ?? [];
  const [oneReplica = '', smallest = ''] = [Object.keys(figures.replicas)[0], Object.keys(backlog)[0]];
  const latencies = (name: string, { p50, p95, p99 }: Latency) => [name, ms(p50), ms(p95), ms(p99)];
  return [
    `${sidecars}; ${machine}; ${plan.rounds} rounds, ${seconds} s.`,
    'Median of the rounds (lowest to highest).',
    '',
    ...table(
      ['full load', 'events/s'],
      Object.entries(throughput).map(([name, values]) => [name, whole(values)]),
    ),
    ...table(
      [`until mail and push message arrived, at ${plan.perSecond}/s`, 'p50 ms', 'p95 ms', 'p99 ms'],
      [
        ...Object.entries(fanOut).map(([name, values]) => latencies(name, values)),
        ...Object.entries(besideRefusals).map(([name, values]) => latencies(`${name}, beside refused mails`, values)),
      ],
    ),
    ...table(
      [`until the answer, at ${plan.perSecond}/s`, 'p50 ms', 'p95 ms', 'p99 ms'],
      Object.entries(answer).map(([name, values]) => latencies(name, values)),
    ),
    ...table(
      ['comparison', 'goal', 'one by one', 'goal', 'in batches'],
      [
        ...COMPARED.map(({ style: { name }, goal, goalInBatches }) => [
          `${SAMPLE.name} ÷ ${name}`,
          goal,
          times(ratios(sample, throughputOf(name))),
          goalInBatches,
          times(ratios(throughputOf(SAMPLE_IN_BATCHES.name), throughputOf(name))),
        ]),
        [
          `p99 until both arrived ÷ ${QUICKSTART.name}`,
          'at most 1.50',
          times(ratios(p99Of(SAMPLE.name), p99Of(QUICKSTART.name))),
          'at most 1.50',
          times(ratios(p99Of(SAMPLE_IN_BATCHES.name), p99Of(QUICKSTART.name))),
        ],
        ...(['p50', 'p99'] as const).map((percentile) => [
          `${percentile} until both arrived: beside 2 % refused mails ÷ without`,
          'at most 1.20',
          times(ratios(besideRefusals[SAMPLE.name]?.[percentile] ?? [], fanOut[SAMPLE.name]?.[percentile] ?? [])),
          'at most 1.20',
          times(
            ratios(
              besideRefusals[SAMPLE_IN_BATCHES.name]?.[percentile] ?? [],
              fanOut[SAMPLE_IN_BATCHES.name]?.[percentile] ?? [],
            ),
          ),
        ]),
        ...(['POST /followers', 'POST /followers, quickstart style'] as const).map((name) => [
          `p99 of ${name} ÷ bare publish`,
          name === 'POST /followers' ? 'at most 1.50' : '',
          times(ratios(answer[name].p99, answer['bare publish'].p99)),
          '',
          '',
        ]),
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
        whole(sumByRound(memoryMb, isService)),
        whole(sumByRound(memoryMb, isSidecar)),
      ]),
    ),
    ...table(
      ['process', 'MB at rest', 'MB at full load', 'CPU ms per event'],
      Object.keys(memoryMb.atRest).map((name) => [
        name,
        String(Math.round(memoryMb.atRest[name] ?? 0)),
        whole(memoryMb.atFullLoad[name] ?? []),
        times(figures.cpuMsPerEvent[SAMPLE.name]?.[name] ?? []),
      ]),
    ),
    ...table(
      ['CPU ms per event', 'services', 'sidecars', 'Redis'],
      Object.entries(figures.cpuMsPerEvent).map(([name, cpu]) => [
        name,
        times(sumByRound(cpu, isService)),
        times(sumByRound(cpu, isSidecar)),
        times(cpu.redis ?? []),
      ]),
    ),
    `From \`dapr run\` to ready: ${whole(startMs)} ms.`,
    `Counted at full load: ${counted.events} events, ${counted.mails} mails, ${counted.pushes} push messages.`,
  ].join('\n');
}

const isSidecar = (name: string) => name.endsWith(' sidecar');
const isService = (name: string) => name !== 'redis' && !isSidecar(name);

/** Returns the sum of the processes that `includes` accepts, one value for each round. */
function sumByRound(values: Rounds, includes: (name: string) => boolean): number[] {
  const chosen = Object.entries(values).flatMap(([name, rounds]) => (includes(name) ? [rounds] : []));
  return (chosen[0] ?? []).map((_, round) => chosen.reduce((total, rounds) => total + (rounds[round] ?? 0), 0));
}

/** Returns the median; if there are several rounds, also the lowest and the highest value. */
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
