import { api, Refused } from './api';
import { Bars } from './bars';
import { downloads } from './csv';
import { Curve } from './curve';
import { el, say } from './dom';
import { Period, type Span, spans } from './period';
import { type Route, writeRoute } from './route';
import { Strip } from './strip';
import { total, totals } from './totals';
import type { Device, Energy } from './wire';
import { dayOf } from './zone';

const spanNames: Record<Span, string> = { day: 'Day', week: 'Week', month: 'Month', year: 'Year' };

/** A day, week, month or year: its curve or bars, its energy, its account. */
export class Past {
  readonly element: HTMLElement;
  private readonly nav = el('nav', { class: 'period', 'aria-label': 'Period' });
  private readonly title = el('h2', { id: 'past', tabindex: '-1' });
  private readonly status = el('div', { class: 'trouble', role: 'status' });
  private readonly body = el('div', { class: 'past-body' });
  private readonly chart = el('div', { class: 'chart' });
  private readonly sums = el('div');
  private readonly foot = el('div');
  private readonly curve = new Curve();
  private readonly strip = new Strip();
  private readonly bars: Bars;
  private loading: AbortController | null = null;

  constructor(private readonly device: Device, private readonly signedOut: () => void) {
    const zone = device.time_zone;
    this.bars = new Bars(from => writeRoute(device.device_id, this.period.span === 'year' ? 'month' : 'day', dayOf(from, zone)));
    this.body.append(
      this.chart,
      el('div', {}, el('h3', {}, 'Energy'), this.sums),
      el('div', {}, el('h3', {}, 'Is anything missing?'), this.strip.element),
      this.foot);
    this.element = el('section', { class: 'past', 'aria-labelledby': 'past' }, this.nav, this.status, this.body);
    this.period = Period.at('day', new Date(), zone);
  }

  private period: Period;

  stop(): void {
    this.loading?.abort();
  }

  async show(route: Route): Promise<void> {
    const today = dayOf(new Date(), this.device.time_zone);
    this.period = Period.of(route.span, route.day ?? today, this.device.time_zone);
    this.navigate();
    this.foot.replaceChildren(downloads(this.device.device_id, this.period));
    await this.refresh();
  }

  /** Asks again for what is shown: today grows, and late samples arrive for any day. */
  async refresh(): Promise<void> {
    this.loading?.abort();
    const { signal } = (this.loading = new AbortController());
    const { period, device: { device_id: device } } = this;
    const byHour = period.span === 'day' || period.span === 'week';
    this.element.setAttribute('aria-busy', 'true');
    try {
      const [energy, completeness, history] = await Promise.all([
        api.energy(device, period.range, period.span === 'year' ? 'month' : 'day', signal),
        api.completeness(device, period.range, byHour ? 'hour' : 'day', signal),
        period.span === 'day' ? api.history(device, period.range, '15m', signal) : null,
      ]);
      this.status.replaceChildren();
      this.body.hidden = false;
      this.showEnergy(energy, period);
      if (history) {
        this.chart.replaceChildren(...(history.points.length > 0 ? [this.curve.element] : [nothing(period)]));
        if (history.points.length > 0) {
          this.curve.show(history, period);
        }
      }

      this.strip.show(completeness, period);
    } catch (failure) {
      if (!signal.aborted) {
        this.refused(failure);
      }
    } finally {
      if (!signal.aborted) {
        this.element.removeAttribute('aria-busy');
      }
    }
  }

  private showEnergy(energy: Energy, period: Period): void {
    this.sums.replaceChildren(totals(total(energy.groups)));
    if (period.span === 'day') {
      return;
    }

    const empty = energy.groups.every(group => group.covered_s === 0);
    this.chart.replaceChildren(empty ? nothing(period) : this.bars.element);
    if (!empty) {
      this.bars.show(energy, period, period.span === 'year' ? period.months : period.days);
    }
  }

  private refused(failure: unknown): void {
    if (!(failure instanceof Refused)) {
      throw failure;
    }

    if (failure.signedOut) {
      this.signedOut();
      return;
    }

    // What is shown stays: it is of another moment, not wrong.
    const retry = el('button', { type: 'button', click: () => void this.refresh() }, 'Try again');
    this.status.replaceChildren(el('p', {}, `${failure.sentence} ${this.period.title} could not be read just now.`), retry);
    this.body.hidden ||= this.sums.childElementCount === 0;
  }

  private navigate(): void {
    const { period } = this;
    const device = this.device.device_id;
    const today = dayOf(new Date(), this.device.time_zone);
    const current = period.holds(today);
    const to = (target: Period): string => writeRoute(device, target.span, target.holds(today) ? null : target.first);
    say(this.title, period.title);
    this.nav.replaceChildren(
      el('ul', { class: 'spans' }, ...spans.map(span => el('li', {}, el(
        'a', { href: to(period.as(span, today)), 'aria-current': span === period.span ? 'true' : null }, spanNames[span])))),
      el('div', { class: 'walk' },
        el('a', { href: to(period.previous), class: 'step', 'aria-label': `Previous ${period.span}` }, '‹'),
        this.title,
        current ? el('span', { class: 'step', 'aria-hidden': 'true' }) : el('a', { href: to(period.next), class: 'step', 'aria-label': `Next ${period.span}` }, '›'),
        !current && el('a', { href: writeRoute(device, period.span, null), class: 'to-today' }, 'Today')));
  }
}

function nothing(period: Period): HTMLElement {
  return el('p', { class: 'empty' }, period.range.from > new Date() ? `${period.title} is still to come.` : `No sample of ${period.title} is stored.`);
}
