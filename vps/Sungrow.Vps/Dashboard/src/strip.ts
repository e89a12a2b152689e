import { causes, type CellState, complete, stateOf, stateWords, sum, summary } from './account';
import { el, say } from './dom';
import { clock, count, month, weekDay } from './format';
import { losses, gapReason } from './reasons';
import type { Period, Span } from './period';
import { asTable } from './table';
import type { Completeness, CompletenessPeriod } from './wire';

const listed = 6;

/** Whether anything is missing: a cell per hour or day, filled as far as it is stored, and every hole in words. */
export class Strip {
  readonly element = el('div', { class: 'account' });
  private readonly words = el('p', { class: 'cell-words' });
  private cells: HTMLButtonElement[][] = [];

  show(completeness: Completeness, period: Period): void {
    const now = new Date();
    const periods = complete(completeness.periods, byHour(period.span) ? period.hours : period.days, period.range.to);
    const rows = inRows(periods, period);
    this.cells = rows.map(({ periods: row }) => row.map(cell => this.cell(cell, period, now)));
    this.cells[0]?.[0]?.setAttribute('tabindex', '0');
    say(this.words, hint(period.span));
    const total = sum(periods.filter(one => stateOf(one, now) !== 'future'));
    this.element.replaceChildren(
      el('p', { class: `summary ${verdict(periods, now)}` }, summary(total)),
      el('div', { class: `strip ${period.span}`, role: 'grid', 'aria-label': `Stored samples, ${period.title}`, keydown: (event: KeyboardEvent) => this.move(event) },
        ...rows.map(({ label, periods: row }, index) => el(
          'div', { role: 'row', class: 'row' },
          label && el('span', { role: 'rowheader', class: 'row-label' }, label),
          ...this.cells[index]!.map(button => el('span', { role: 'gridcell', class: 'place' }, button)),
          ...Array.from({ length: Math.max(0, width(period.span) - row.length) }, () => el('span', { class: 'place', 'aria-hidden': 'true' }))))),
      ticks(period, periods),
      this.words,
      key(periods, now),
      ...list(periods, period.zone),
      asTable(`Account of ${period.title}`, ['From', 'Expected', 'Stored', 'Waiting', 'Missed', 'Refused', 'Evicted', 'Set aside', 'Unexplained', 'Why'], () =>
        periods.filter(one => stateOf(one, now) !== 'future').map(one => [
          name(one, period), count(one.expected), count(one.stored), count(one.waiting), count(one.missed), count(one.dead_lettered),
          count(one.evicted), count(one.conflicting), count(one.unexplained),
          [...new Set(one.gaps.map(gap => gapReason(gap.reason)))].join('; '),
        ])));
  }

  private cell(one: CompletenessPeriod, period: Period, now: Date): HTMLButtonElement {
    const state = stateOf(one, now);
    const words = describe(one, state, period);
    const level = el('i', {});
    const stored = one.expected > 0 ? Math.min(1, one.stored / one.expected) : 0;
    // A single lost sample of a month must not round to whole, nor a single stored one to nothing.
    level.style.height = `${stored === 0 || stored === 1 ? stored * 100 : Math.min(88, Math.max(12, stored * 100))}%`;
    return el('button', {
      type: 'button', class: `cell ${state}`, tabindex: '-1', 'aria-label': words, disabled: state === 'future',
      focus: () => say(this.words, words), pointerenter: () => say(this.words, words), click: () => say(this.words, words),
    }, level);
  }

  /** Arrow keys, as in any grid: one stop for the tab key, not 365. */
  private move(event: KeyboardEvent): void {
    const row = this.cells.findIndex(cells => cells.includes(event.target as HTMLButtonElement));
    const column = this.cells[row]?.indexOf(event.target as HTMLButtonElement) ?? -1;
    const steps: Record<string, readonly [number, number]> = {
      ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1], ArrowDown: [row + 1, column], ArrowUp: [row - 1, column],
      Home: [row, 0], End: [row, this.cells[row]!.filter(cell => !cell.disabled).length - 1],
    };
    const [toRow, toColumn] = steps[event.key] ?? [-1, -1];
    const target = this.cells[toRow]?.[toColumn];
    if (target && !target.disabled) {
      event.preventDefault();
      this.cells.flat().forEach(cell => cell.setAttribute('tabindex', cell === target ? '0' : '-1'));
      target.focus();
    }
  }
}

/** The worst that is in it: its mark stands before the summary. */
export function verdict(periods: readonly CompletenessPeriod[], now: Date): CellState {
  const worst: CellState[] = ['unexplained', 'missing', 'waiting', 'night', 'complete'];
  const states = new Set(periods.map(one => stateOf(one, now)));
  return worst.find(state => states.has(state)) ?? 'nothing';
}

const width = (span: Span): number => ({ day: 24, week: 24, month: 28, year: 31 })[span];

function inRows(periods: readonly CompletenessPeriod[], period: Period): { label: string; periods: CompletenessPeriod[] }[] {
  if (period.span === 'day' || period.span === 'month') {
    return [{ label: '', periods: [...periods] }];
  }

  const rows = new Map<string, CompletenessPeriod[]>();
  for (const one of periods) {
    const from = new Date(one.from);
    const label = period.span === 'week' ? weekDay(from, period.zone) : month(from, period.zone);
    rows.set(label, [...(rows.get(label) ?? []), one]);
  }

  return [...rows].map(([label, row]) => ({ label: period.span === 'week' ? label.slice(0, 3) : label, periods: row }));
}

const byHour = (span: Span): boolean => span === 'day' || span === 'week';

function name(one: CompletenessPeriod, period: Period): string {
  const from = new Date(one.from);
  return period.span === 'day' ? clock(from, period.zone)
    : period.span === 'week' ? `${weekDay(from, period.zone)}, ${clock(from, period.zone)}`
    : weekDay(from, period.zone);
}

function describe(one: CompletenessPeriod, state: CellState, period: Period): string {
  const at = name(one, period);
  if (state === 'future' || state === 'nothing') {
    return `${at}: ${stateWords[state]}`;
  }

  const why = [
    ...new Set(one.gaps.map(gap => gapReason(gap.reason))), ...losses(one), ...(one.waiting > 0 ? [`${count(one.waiting)} wait on the edge`] : []),
  ].join('; ');
  return `${at}: ${count(one.stored)} of ${count(one.expected)} stored${why ? `. ${why}` : ', complete'}`;
}

const hint = (span: Span): string => `One cell is ${byHour(span) ? 'an hour' : 'a day'}. Choose one to read its account.`;

function ticks(period: Period, periods: readonly CompletenessPeriod[]): HTMLElement {
  const labels = period.span === 'month' || period.span === 'year'
    ? Array.from({ length: period.span === 'year' ? 31 : periods.length }, (_, index) => (index === 0 || (index + 1) % 5 === 0 ? String(index + 1) : ''))
    : Array.from({ length: Math.max(24, period.span === 'day' ? periods.length : 24) }, (_, index) => {
      const at = period.span === 'day' ? periods[index] : undefined;
      const hour = at ? Number(clock(new Date(at.from), period.zone).slice(0, 2)) : index;
      return hour % 3 === 0 ? String(hour) : '';
    });
  return el('div', { class: `ticks ${period.span}`, 'aria-hidden': 'true' },
    (period.span === 'week' || period.span === 'year') && el('span', { class: 'row-label' }),
    ...labels.map(label => el('span', { class: 'place' }, label)));
}

/** Only of the states that are there. */
function key(periods: readonly CompletenessPeriod[], now: Date): HTMLElement {
  const there = new Set(periods.map(one => stateOf(one, now)));
  const order: CellState[] = ['complete', 'missing', 'night', 'waiting', 'unexplained'];
  return el('ul', { class: 'cell-key' }, ...order.filter(state => there.has(state)).map(state =>
    el('li', {}, el('span', { class: `cell ${state}`, 'aria-hidden': 'true' }, el('i', {})), stateWords[state])));
}

function list(periods: readonly CompletenessPeriod[], zone: string): HTMLElement[] {
  const lines = causes(periods, zone).map(({ when, why }) => el('li', {}, el('time', {}, when), el('span', {}, why)));
  if (lines.length === 0) {
    return [];
  }

  const more = lines.splice(listed);
  return [
    el('ul', { class: 'causes' }, ...lines),
    ...(more.length > 0 ? [el('details', { class: 'more' }, el('summary', {}, `${count(more.length)} more`), el('ul', { class: 'causes' }, ...more))] : []),
  ];
}
