import type { Range } from './api';
import { longDay, monthAndYear, shortDay } from './format';
import { type Day, dayOf, daysInMonth, plusDays, sameDay, startOfDay, weekday } from './zone';

export const spans = ['day', 'week', 'month', 'year'] as const;
export type Span = (typeof spans)[number];

/** A day, week, month or year of the site's calendar, named by its first day. */
export class Period {
  private constructor(readonly span: Span, readonly first: Day, readonly zone: string) {}

  /** The period that `day` lies in. */
  static of(span: Span, day: Day, zone: string): Period {
    switch (span) {
      case 'day': return new Period(span, day, zone);
      case 'week': return new Period(span, plusDays(day, -weekday(day)), zone);
      case 'month': return new Period(span, { ...day, day: 1 }, zone);
      case 'year': return new Period(span, { ...day, month: 1, day: 1 }, zone);
    }
  }

  static at(span: Span, instant: Date, zone: string): Period {
    return Period.of(span, dayOf(instant, zone), zone);
  }

  /** The first day after it. */
  get end(): Day {
    const { year, month } = this.first;
    switch (this.span) {
      case 'day': return plusDays(this.first, 1);
      case 'week': return plusDays(this.first, 7);
      case 'month': return plusDays(this.first, daysInMonth(year, month));
      case 'year': return { year: year + 1, month: 1, day: 1 };
    }
  }

  get range(): Range {
    return { from: startOfDay(this.first, this.zone), to: startOfDay(this.end, this.zone) };
  }

  get next(): Period {
    return Period.of(this.span, this.end, this.zone);
  }

  get previous(): Period {
    return Period.of(this.span, plusDays(this.first, -1), this.zone);
  }

  /** The same place in time, seen in another span: a week of this month, the month of this week. Today where it holds today. */
  as(span: Span, today: Day): Period {
    return Period.of(span, this.holds(today) ? today : this.first, this.zone);
  }

  holds(day: Day): boolean {
    return sameDay(Period.of(this.span, day, this.zone).first, this.first);
  }

  get title(): string {
    const { from } = this.range;
    switch (this.span) {
      case 'day': return longDay(from, this.zone);
      case 'week': {
        const last = startOfDay(plusDays(this.end, -1), this.zone);
        return `${shortDay(from, this.zone)} – ${shortDay(last, this.zone)} ${plusDays(this.end, -1).year}`;
      }
      case 'month': return monthAndYear(from, this.zone);
      case 'year': return String(this.first.year);
    }
  }

  /** The first instants of its days. */
  get days(): Date[] {
    const found: Date[] = [];
    const { to } = this.range;
    for (let day = this.first, from = startOfDay(day, this.zone); from < to; day = plusDays(day, 1), from = startOfDay(day, this.zone)) {
      found.push(from);
    }

    return found;
  }

  /** Of its hours, as time passes: a day has 23, 24 or 25. */
  get hours(): Date[] {
    const { from, to } = this.range;
    return Array.from({ length: Math.ceil((to.getTime() - from.getTime()) / 3_600_000) }, (_, hour) => new Date(from.getTime() + hour * 3_600_000));
  }

  /** Of a year's months. */
  get months(): Date[] {
    return Array.from({ length: 12 }, (_, index) => startOfDay({ year: this.first.year, month: index + 1, day: 1 }, this.zone));
  }
}
