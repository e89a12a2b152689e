import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { el } from './dom';
import { clock, percent, power, text } from './format';
import type { Period } from './period';
import { asTable } from './table';
import type { History, Point } from './wire';

interface Series {
  readonly label: string;
  readonly colour: string;
  readonly value: (point: Point) => number | null;
  readonly fill?: boolean;
  readonly dash?: number[];
  /** A value in words. */
  readonly say: (value: number) => string;
}

const avg = (spread: Point['pv_power_w']): number | null => spread?.avg ?? null;
const watts = (value: number): string => text(power(value));

/** Sources are above zero, what takes is below: sun + battery + grid = house, less the inverter's losses. */
const powers: readonly Series[] = [
  { label: 'Sun', colour: '--sun', fill: true, value: point => avg(point.pv_power_w), say: watts },
  { label: 'House', colour: '--house', value: point => avg(point.load_power_w), say: watts },
  {
    label: 'Battery', colour: '--battery', value: point => avg(point.battery_power_w),
    say: value => (value < 0 ? `charging ${watts(value)}` : watts(value)),
  },
  {
    label: 'Grid', colour: '--grid', dash: [6, 4],
    value: point => {
      const exported = avg(point.export_power_w);
      return exported === null ? null : -exported;
    },
    say: value => (value < 0 ? `export ${watts(value)}` : `import ${watts(value)}`),
  },
];

const charge: readonly Series[] = [
  { label: 'Charge', colour: '--battery', fill: true, value: point => avg(point.battery_soc_pct), say: value => text(percent(value)) },
];

/** The day's curve, and under it the battery's charge on the same hours. */
export class Curve {
  readonly element: HTMLElement;
  private plots: uPlot[] = [];
  private readonly charts = el('div', { class: 'charts' });
  private readonly legend = el('ul', { class: 'legend' });
  private readonly watcher = new ResizeObserver(() => this.fit());
  private readonly theme = matchMedia('(prefers-color-scheme: dark)');
  private redraw: () => void = () => undefined;

  constructor() {
    this.element = el('figure', { class: 'curve' }, el('figcaption', {}, this.legend), this.charts);
    this.watcher.observe(this.charts);
    this.theme.addEventListener('change', () => this.redraw());
  }

  show(history: History, period: Period): void {
    this.redraw = () => this.draw(history, period);
    this.redraw();
    this.element.querySelector('.as-table')?.remove();
    const all = [...powers, ...charge];
    this.element.append(asTable(
      `Means of ${period.title}`, ['From', ...all.map(series => series.label)],
      () => history.points.map(point => [
        clock(new Date(point.from), period.zone),
        ...all.map(series => {
          const value = series.value(point);
          return value === null ? '–' : series.say(value);
        }),
      ])));
  }

  private draw(history: History, period: Period): void {
    const at = this.plots[0]?.cursor.idx ?? null;
    this.plots.forEach(plot => plot.destroy());
    this.charts.replaceChildren();
    const times = withGaps(history.points, period);
    const stored = charge[0]!.value;
    const hasCharge = history.points.some(point => stored(point) !== null);
    this.plots = [this.plot(powers, times, period, 260), ...(hasCharge ? [this.plot(charge, times, period, 96)] : [])];
    this.tell(times, at !== null && at < times.length ? at : null, period);
  }

  private plot(series: readonly Series[], times: readonly Slot[], period: Period, height: number): uPlot {
    const style = getComputedStyle(this.element);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const range = period.range;
    const isCharge = series === charge;
    const axis = { stroke: colour('--quiet'), font: `12px ${style.fontFamily}`, ticks: { show: false } };
    const options: uPlot.Options = {
      width: Math.max(200, this.charts.clientWidth),
      height,
      padding: [8, 4, 0, 0],
      tzDate: seconds => uPlot.tzDate(new Date(seconds * 1000), period.zone),
      cursor: { sync: { key: 'day' }, drag: { x: false, y: false }, y: false, points: { size: 7 } },
      legend: { show: false },
      scales: {
        x: { time: true, range: [range.from.getTime() / 1000, range.to.getTime() / 1000] },
        y: { range: (_, low, high) => (isCharge ? [0, 100] : nice(low, high)) },
      },
      axes: [
        {
          ...axis, size: isCharge ? 26 : 8, gap: 4, grid: { stroke: colour('--hair'), width: 1 },
          splits: () => hours(period), values: (_, splits) => (isCharge ? splits.map(at => clock(new Date(at * 1000), period.zone).slice(0, 2)) : splits.map(() => '')),
        },
        {
          ...axis, size: 54, gap: 6, grid: { stroke: colour('--hair'), width: 1 }, space: 34,
          ...(isCharge && { splits: () => [0, 50, 100] }),
          values: (_, splits) => splits.map(value => (isCharge ? `${value} %` : value === 0 ? '0' : `${value / 1000} kW`)),
        },
      ],
      series: [
        {},
        ...series.map(({ label, colour: name, fill, dash }): uPlot.Series => ({
          label, stroke: colour(name), width: 1.75, spanGaps: false, points: { show: false },
          ...(dash && { dash }), ...(fill && { fill: colour(`${name}-wash`) }),
          paths: uPlot.paths.stepped!({ align: 1 }),
        })),
      ],
      hooks: { setCursor: [plot => this.tell(times, plot.cursor.idx ?? null, period)] },
    };
    const data: uPlot.AlignedData = [
      times.map(slot => slot.at), ...series.map(({ value }) => times.map(slot => (slot.point ? value(slot.point) : null))),
    ];
    // Only the last chart carries the hours: the first one stands on its shoulders.
    return new uPlot(options, data, this.charts);
  }

  /** The legend says the values under the cursor, or else only the names. */
  private tell(times: readonly Slot[], index: number | null, period: Period): void {
    const slot = index === null ? undefined : times[index];
    this.legend.replaceChildren(
      ...[...powers, ...charge].map(series => {
        const value = slot?.point ? series.value(slot.point) : null;
        return el(
          'li', { class: `key ${series.colour.slice(2)}${series === charge[0] ? ' charge' : ''}` }, series.label,
          el('b', {}, slot ? (value === null ? 'no data' : series.say(value)) : ''));
      }),
      el('li', { class: 'at' }, slot ? clock(new Date(slot.at * 1000), period.zone) : ''));
  }

  private fit(): void {
    const width = this.charts.clientWidth;
    this.plots.filter(plot => width > 0 && plot.width !== width).forEach(plot => plot.setSize({ width, height: plot.height }));
  }
}

interface Slot {
  readonly at: number;
  readonly point: Point | null;
}

/** A mean stands for its whole quarter of an hour, so each run of points ends with the last one's end; where time passed without a point the line
 * is interrupted. */
function withGaps(points: readonly Point[], period: Period): Slot[] {
  const limit = Math.min(period.range.to.getTime(), Date.now()) / 1000;
  return points.flatMap((point, index) => {
    const [at, end] = [Date.parse(point.from) / 1000, Math.min(Date.parse(point.to) / 1000, limit)];
    const next = points[index + 1];
    return next && Date.parse(next.from) / 1000 <= end ? [{ at, point }] : [{ at, point }, { at: Math.max(at, end - 1), point }, { at: end, point: null }];
  });
}

function hours(period: Period): number[] {
  const { from, to } = period.range;
  const ticks: number[] = [];
  for (let at = from.getTime(); at < to.getTime(); at += 900_000) {
    const time = clock(new Date(at), period.zone);
    if (time.endsWith(':00') && Number(time.slice(0, 2)) % 3 === 0) {
      ticks.push(at / 1000);
    }
  }

  return ticks;
}

/** At least 1 kW of room, zero inside, whole kilowatts outside. */
function nice(low: number | null, high: number | null): [number, number] {
  const step = Math.max(high ?? 0, -(low ?? 0)) > 4000 ? 2000 : 1000;
  return [Math.min(0, Math.floor((low ?? 0) / step) * step), Math.max(step, Math.ceil((high ?? 0) / step) * step)];
}
