import type { Result } from './report';
import { type Spread, spread } from './statistics';

interface Bar {
  label: string;
  value: Spread;
}

const [WIDTH, LEFT, RIGHT, BAR, GAP, TOP] = [760, 230, 90, 22, 12, 70];

/** Returns an SVG bar chart: the events per second of each style and number of replicas, with the spread of the rounds. */
export function throughputChart({ sidecars, machine, figures }: Result): string {
  const styles = Object.entries(figures.throughput).map(([label, values]) => ({ label, value: spread(values) }));
  const replicas = Object.entries(figures.replicas)
    .filter(([number]) => number !== '1')
    .map(([number, values]) => ({ label: `this sample, ${number} replicas`, value: spread(values) }));
  return barChart('Events a second, from request to both acknowledgements', `${sidecars}; ${machine}`, [
    ...styles,
    ...replicas,
  ]);
}

function barChart(title: string, subtitle: string, bars: readonly Bar[]): string {
  const scale = (WIDTH - LEFT - RIGHT) / Math.max(...bars.map(({ value }) => value.max));
  const height = TOP + bars.length * (BAR + GAP) + GAP;
  const rows = bars.map(({ label, value: { median, min, max } }, index) => {
    const y = TOP + index * (BAR + GAP);
    const middle = y + BAR / 2;
    const [from, to] = [LEFT + min * scale, LEFT + max * scale];
    return [
      `<text x="${LEFT - 10}" y="${middle + 4}" text-anchor="end">${escapeXml(label)}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${round(median * scale)}" height="${BAR}" rx="3" fill="${index === 0 ? '#0d6efd' : '#9aa5b1'}"/>`,
      `<path d="M${round(from)} ${middle}H${round(to)}M${round(from)} ${middle - 5}v10M${round(to)} ${middle - 5}v10" stroke="#333" fill="none"/>`,
      `<text x="${round(to) + 8}" y="${middle + 4}">${Math.round(median)}</text>`,
    ].join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="20" y="28" font-size="16" font-weight="600">${escapeXml(title)}</text>`,
    `<text x="20" y="48" font-size="11" fill="#555">${escapeXml(subtitle)}; the lines show the lowest and the highest round</text>`,
    ...rows,
    '</svg>\n',
  ].join('\n');
}

const round = (value: number) => Math.round(value * 10) / 10;
const escapeXml = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
