import { el, svg } from './dom';
import { energy, month, monthAndYear, percent, text, weekDay } from './format';
import type { Period } from './period';
import { asTable } from './table';
import type { Energy, EnergyGroup } from './wire';
import { dayOf } from './zone';

const height = 230;
const foot = 24;
const left = 40;

interface Slot {
  readonly from: Date;
  readonly group: EnergyGroup | undefined;
}

/** Energy per day or month. Two bars each: what the sun gave and what the house used, the part that crossed the meter hatched on top. So the solid
 * part of one is self-consumption, that of the other autarky. */
export class Bars {
  readonly element: HTMLElement;
  private readonly chart = el('div', { class: 'bars' });
  private readonly words = el('p', { class: 'bar-words' });
  private readonly watcher = new ResizeObserver(() => this.redraw());
  private redraw: () => void = () => undefined;
  private drawnWidth = 0;

  /** @param link Where a bar leads: the day or month it stands for. */
  constructor(private readonly link: (from: Date) => string) {
    const legend = el('ul', { class: 'legend' },
      el('li', { class: 'key sun' }, 'Sun'), el('li', { class: 'key house' }, 'House'),
      el('li', { class: 'key grid hatched' }, 'of it sold or bought'));
    this.element = el('figure', { class: 'energy' }, el('figcaption', {}, legend, this.words), this.chart);
    this.watcher.observe(this.chart);
  }

  show(answer: Energy, period: Period, starts: readonly Date[]): void {
    const slots = starts.map(from => ({ from, group: answer.groups.find(group => Date.parse(group.from) === from.getTime()) }));
    this.drawnWidth = 0;
    this.redraw = () => this.draw(slots, period);
    this.redraw();
    this.element.querySelector('.as-table')?.remove();
    this.element.append(asTable(
      `Energy, ${period.title}`, [period.span === 'year' ? 'Month' : 'Day', 'Sun', 'House', 'Import', 'Export', 'Charge', 'Discharge', 'Self-consumption', 'Autarky'],
      () => slots.filter(slot => slot.group).map(({ from, group }) => [
        label(from, period),
        ...[group!.pv_kwh, group!.load_kwh, group!.import_kwh, group!.export_kwh, group!.charge_kwh, group!.discharge_kwh].map(kwh => text(energy(kwh))),
        text(percent(group!.self_consumption_pct)), text(percent(group!.autarky_pct)),
      ])));
  }

  private draw(slots: readonly Slot[], period: Period): void {
    const width = this.chart.clientWidth;
    if (width === 0 || width === this.drawnWidth) {
      return;
    }

    this.drawnWidth = width;
    const top = nice(Math.max(1, ...slots.map(({ group }) => Math.max(group?.pv_kwh ?? 0, group?.load_kwh ?? 0))));
    const y = (kwh: number): number => 10 + (height - foot - 10) * (1 - kwh / top);
    const step = (width - left) / slots.length;
    const bar = Math.max(2, Math.min(18, step * 0.34));
    const drawing = svg(
      'svg', { viewBox: `0 0 ${width} ${height}`, width, height, role: 'group', 'aria-label': `Energy, ${period.title}` },
      svg('defs', {}, svg('pattern', { id: 'hatch', width: 4, height: 4, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
        svg('rect', { class: 'hatch-ground', width: 4, height: 4 }), svg('rect', { class: 'hatch-line', width: 1.8, height: 4 }))),
      ...[0, 0.5, 1].flatMap(part => [
        svg('line', { class: part === 0 ? 'base' : 'hair', x1: left, x2: width, y1: y(top * part), y2: y(top * part) }),
        svg('text', { class: 'axis', x: left - 8, y: y(top * part) + 4, 'text-anchor': 'end' }, `${top * part}`),
      ]),
      ...slots.map(({ from, group }, index) => {
        const middle = left + step * (index + 0.5);
        const words = this.describe(from, group, period);
        const tell = (): void => this.words.replaceChildren(words);
        return svg(
          'a', { href: this.link(from), class: 'bar', 'aria-label': words, focus: tell, pointerenter: tell },
          svg('rect', { class: 'touch', x: middle - step / 2, y: 0, width: step, height: height - foot }),
          ...stack(middle - bar - 1, bar, y, group?.pv_kwh ?? 0, group?.export_kwh ?? 0, 'sun'),
          ...stack(middle + 1, bar, y, group?.load_kwh ?? 0, group?.import_kwh ?? 0, 'house'));
      }),
      svg('g', { 'aria-hidden': 'true' }, ...slots.map(({ from }, index) => svg(
        'text', { class: 'axis', x: left + step * (index + 0.5), y: height - 6, 'text-anchor': 'middle' }, tick(from, index, slots.length, step, period)))));
    this.chart.replaceChildren(drawing);
    this.words.replaceChildren(`kWh of each ${period.span === 'year' ? 'month' : 'day'}. Choose one to open it.`);
  }

  private describe(from: Date, group: EnergyGroup | undefined, period: Period): string {
    const at = label(from, period);
    return group
      ? `${at}: sun ${text(energy(group.pv_kwh))}, house ${text(energy(group.load_kwh))}, bought ${text(energy(group.import_kwh))}, sold ${text(energy(group.export_kwh))}`
      : `${at}: no data`;
  }
}

function stack(x: number, width: number, y: (kwh: number) => number, whole: number, crossed: number, flow: string): SVGRectElement[] {
  const own = Math.max(0, whole - crossed);
  return [
    svg('rect', { class: `own ${flow}`, x, width, y: y(own), height: Math.max(0, y(0) - y(own)) }),
    svg('rect', { class: 'crossed', x, width, y: y(whole), height: Math.max(0, y(own) - y(whole) - (own > 0 ? 1 : 0)) }),
  ];
}

function label(from: Date, period: Period): string {
  return period.span === 'year' ? monthAndYear(from, period.zone) : weekDay(from, period.zone);
}

function tick(from: Date, index: number, slots: number, step: number, period: Period): string {
  if (period.span === 'year') {
    return step < 30 ? month(from, period.zone).slice(0, 1) : month(from, period.zone);
  }

  if (period.span === 'week') {
    return weekDay(from, period.zone).slice(0, 3);
  }

  const { day } = dayOf(from, period.zone);
  return day === 1 || (day % 5 === 0 && index < slots - 1) ? String(day) : '';
}

function nice(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 6, 8, 10].map(factor => factor * power).find(limit => limit >= most) ?? 10 * power;
}
