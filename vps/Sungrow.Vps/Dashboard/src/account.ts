import { clock, count, moment, samples, shortDay } from './format';
import { gapReason, losses } from './reasons';
import type { CompletenessPeriod } from './wire';
import { dayOf, plusDays, startOfDay } from './zone';

// What may be said of the samples of a time: pure, so that the strip, the list and the line under "Today" cannot disagree.

export type CellState = 'future' | 'nothing' | 'complete' | 'night' | 'waiting' | 'missing' | 'unexplained';

export const stateWords: Record<CellState, string> = {
  future: 'still to come',
  nothing: 'nothing expected',
  complete: 'complete',
  night: 'the inverter slept',
  waiting: 'waiting on the edge',
  missing: 'missing, explained',
  unexplained: 'missing, unexplained',
};

export function stateOf(period: CompletenessPeriod, now: Date): CellState {
  if (Date.parse(period.from) >= now.getTime()) {
    return 'future';
  }

  if (period.expected <= 0) {
    return 'nothing';
  }

  if (period.unexplained > 0) {
    return 'unexplained';
  }

  const lost = period.missed + period.dead_lettered + period.evicted + period.conflicting;
  if (lost > 0) {
    const asleep = period.missed === lost && period.gaps.length > 0 && period.gaps.every(gap => gap.reason === 'night');
    return asleep ? 'night' : 'missing';
  }

  return period.waiting > 0 ? 'waiting' : 'complete';
}

/** Every hour or day of the whole time, also those that the server does not speak of because they are still to come. */
export function complete(periods: readonly CompletenessPeriod[], starts: readonly Date[], end: Date): CompletenessPeriod[] {
  const known = new Map(periods.map(period => [Date.parse(period.from), period]));
  return starts.map((from, index) => known.get(from.getTime()) ?? {
    from: from.toISOString(), to: (starts[index + 1] ?? end).toISOString(),
    expected: 0, stored: 0, waiting: 0, conflicting: 0, dead_lettered: 0, evicted: 0, missed: 0, unexplained: 0, gaps: [],
  });
}

export type Totals = Omit<CompletenessPeriod, 'from' | 'to' | 'gaps'>;

export function sum(periods: readonly CompletenessPeriod[]): Totals {
  const total = { expected: 0, stored: 0, waiting: 0, conflicting: 0, dead_lettered: 0, evicted: 0, missed: 0, unexplained: 0 };
  for (const period of periods) {
    for (const key of Object.keys(total) as (keyof Totals)[]) {
      total[key] += period[key];
    }
  }

  return total;
}

/** The account in one or two sentences. */
export function summary(total: Totals): string {
  if (total.expected <= 0) {
    return 'No sample was expected in this time.';
  }

  if (total.stored >= total.expected) {
    return total.stored === 1 ? 'Nothing is missing: the one sample is stored.' : `Nothing is missing: all ${samples(total.stored)} are stored.`;
  }

  const sentences = [`${count(total.stored)} of ${samples(total.expected)} ${be(total.stored)} stored.`];
  if (total.waiting > 0) {
    sentences.push(`${count(total.waiting)} ${total.waiting === 1 ? 'still waits on the edge and comes' : 'still wait on the edge and come'} later.`);
  }

  const lost = total.expected - total.stored - total.waiting;
  if (lost > 0) {
    sentences.push(total.unexplained <= 0 ? `${count(lost)} ${be(lost)} missing, ${lost === 1 ? '' : 'each '}for a known reason.`
      : total.unexplained >= lost ? `${count(lost)} ${be(lost)} missing without a known reason.`
      : `${count(lost)} are missing, ${count(total.unexplained)} of them without a known reason.`);
  }

  return sentences.join(' ');
}

const be = (number: number): string => number === 1 ? 'is' : 'are';

export interface Cause {
  readonly when: string;
  readonly why: string;
}

/** Every hole with its reason, in order of time. What spans several periods is told once. */
export function causes(periods: readonly CompletenessPeriod[], zone: string): Cause[] {
  const gaps = new Map<string, { from: Date; to: Date | null; reason: string; rows: number }>();
  for (const period of periods) {
    for (const gap of period.gaps) {
      const joined = [...gaps.values()].find(known =>
        known.reason === gap.reason && (known.from.getTime() === Date.parse(gap.from) || known.to?.getTime() === Date.parse(gap.from)));
      if (joined) {
        joined.to = gap.to === null ? null : new Date(gap.to);
        joined.rows += gap.missed;
      } else {
        gaps.set(`${gap.from} ${gap.reason}`, {
          from: new Date(gap.from), to: gap.to === null ? null : new Date(gap.to), reason: gap.reason, rows: gap.missed,
        });
      }
    }
  }

  // Losses have counts but no times of their own: those of neighbouring periods are told together.
  const runs: CompletenessPeriod[][] = [];
  periods.forEach((period, index) => {
    if (losses(period).length > 0) {
      const before = periods[index - 1];
      if (before && losses(before).length > 0) {
        runs.at(-1)!.push(period);
      } else {
        runs.push([period]);
      }
    }
  });

  const told = [
    ...[...gaps.values()].map(({ from, to, reason, rows }) => ({ from, to, why: `${gapReason(reason)}: ${samples(rows)}` })),
    ...runs.map(run => ({ from: new Date(run[0]!.from), to: new Date(run.at(-1)!.to), why: losses(sum(run)).join('; ') })),
  ];
  return told.sort((a, b) => a.from.getTime() - b.from.getTime()).map(({ from, to, why }) => ({ when: between(from, to, zone), why }));
}

function between(from: Date, to: Date | null, zone: string): string {
  const start = `${shortDay(from, zone)}, ${clock(from, zone)}`;
  if (to === null) {
    return `Since ${start}`;
  }

  // Whole days are told by their names.
  const [first, last] = [dayOf(from, zone), dayOf(new Date(to.getTime() - 1), zone)];
  if (from.getTime() === startOfDay(first, zone).getTime() && to.getTime() === startOfDay(plusDays(last, 1), zone).getTime()) {
    const days = [shortDay(from, zone), shortDay(startOfDay(last, zone), zone)];
    return days[0] === days[1] ? days[0]! : days.join(' – ');
  }

  return `${start} – ${moment(to, from, zone)}`;
}
