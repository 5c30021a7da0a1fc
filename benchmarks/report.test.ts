import { expect, test } from 'vitest';
import { throughputChart } from './plot';
import { type Result, report } from './report';

const latency = { p50: [1, 2, 3], p95: [2, 3, 4], p99: [3, 4, 5] };
const result: Result = {
  sidecars: 'local, with <Redis>',
  machine: '2 × CPU',
  at: '2026-01-01T00:00:00Z',
  seconds: 200,
  plan: {
    rounds: 3,
    seconds: 4,
    perSecond: 100,
    replicas: [1, 2],
    warmUp: 10,
    backlogs: [1_000, 10_000],
    backlogSeconds: 30,
  },
  figures: {
    throughput: {
      'this sample': [300, 330, 360],
      'this sample, in batches': [500, 600, 700],
      'quickstart style': [100, 100, 100],
      'quickstart style, prints only': [200, 200, 200],
      'the fair limit': [1000, 1000, 1000],
      'the limit': [600, 660, 720],
    },
    cpuMsPerEvent: {
      'this sample': { redis: [0.5, 0.6, 0.4], 'api-facade': [1, 2, 3], 'email-notification-service': [1, 3, 5] },
    },
    fanOut: {
      'this sample': latency,
      'this sample, in batches': { ...latency, p99: [6, 8, 10] },
      'quickstart style': latency,
    },
    besideRefusals: { 'this sample': { ...latency, p50: [2, 4, 6] } },
    answer: {
      'POST /followers': { ...latency, p99: [3, 6, 9] },
      'POST /followers, quickstart style': { ...latency, p99: [4, 8, 12] },
      'bare publish': { ...latency, p99: [2, 4, 6] },
    },
    startMs: [300, 200, 250],
    memoryMb: { atRest: { redis: 10.4 }, atFullLoad: { redis: [20.6, 19, 30] } },
    replicas: { '1': [300, 330, 360], '2': [600, 330, 180] },
    backlog: {
      '1000': { eventsPerSecond: [300, 400], memoryMb: { 'api-facade': [60, 62], "api-facade's sidecar": [80, 80] } },
      '10000': { eventsPerSecond: [150, 400], memoryMb: { 'api-facade': [70, 72], "api-facade's sidecar": [90, 90] } },
    },
    counted: { events: 990, mails: 990, pushes: 990 },
  },
};

/** Returns the cells of every table row that has this title, without the title. */
const row = (title: string) =>
  report(result)
    .split('\n')
    .filter((line) => line.startsWith(`| ${title} `))
    .map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim())
        .slice(2, -1),
    );

test('When figures are reported, then each shows the median, the lowest and the highest of its rounds', () => {
  expect(row('this sample')).toContainEqual(['330 (300 to 360)']);
  expect(row('2')).toEqual([['330 (180 to 600)', '1.00 (0.50 to 2.00)']]);
  expect(row('redis')).toEqual([['10', '21 (19 to 30)', '0.50 (0.40 to 0.60)']]);
  expect(row('10000')).toEqual([['275 (150 to 400)', '0.75 (0.50 to 1.00)', '71 (70 to 72)', '90 (90 to 90)']]);
  // The report sums the services of each round before it takes the median.
  expect(row('this sample')).toContainEqual(['5.00 (2.00 to 8.00)', '', '0.50 (0.40 to 0.60)']);
});

test('When two versions are compared, then the ratio is taken round by round', () => {
  expect(row('this sample ÷ quickstart style')).toEqual([
    ['1.30', '3.30 (3.00 to 3.60)', '2.00', '6.00 (5.00 to 7.00)'],
  ]);
  expect(row('this sample ÷ the fair limit')).toEqual([['', '0.33 (0.30 to 0.36)', '0.60', '0.60 (0.50 to 0.70)']]);
  expect(row('p99 until both arrived ÷ quickstart style')).toEqual([
    ['at most 1.50', '1.00 (1.00 to 1.00)', 'at most 1.50', '2.00 (2.00 to 2.00)'],
  ]);
  expect(row('p50 until both arrived: beside 2 % refused mails ÷ without')).toEqual([
    ['at most 1.20', '2.00 (2.00 to 2.00)', 'at most 1.20', ''],
  ]);
  expect(row('this sample ÷ the limit')).toEqual([['', '0.50 (0.50 to 0.50)', '', '0.91 (0.83 to 0.97)']]);
  expect(row('p99 of POST /followers ÷ bare publish')).toEqual([['at most 1.50', '1.50 (1.50 to 1.50)', '', '']]);
  expect(row('p99 of POST /followers, quickstart style ÷ bare publish')).toEqual([['', '2.00 (2.00 to 2.00)', '', '']]);
});

test('When the plot is drawn, then each version has a bar in proportion to its figure, and text is escaped', () => {
  const svg = throughputChart(result);
  const widths = [...svg.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
  expect(widths).toHaveLength(7);
  expect((widths[0] ?? 0) / (widths[2] ?? 1)).toBeCloseTo(3.3, 1);
  expect(svg).toContain('>330</text>');
  expect(svg).toContain('this sample, 2 replicas');
  expect(svg).not.toContain('<Redis>');
});
