// Days as the site lives them: of 23, 24 or 25 hours, at offsets of half and quarter hours.

/** A calendar day, month 1 .. 12. */
export interface Day {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    });
    formats.set(zone, format);
  }

  return format;
}

/** What the wall clock of the zone shows, as if it were UTC. */
function wallTime(instant: number, zone: string): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of wallClock(zone).formatToParts(instant)) {
    parts[type] = Number(value);
  }

  return Date.UTC(parts['year']!, parts['month']! - 1, parts['day']!, parts['hour']!, parts['minute']!, parts['second']!);
}

export function dayOf(instant: Date, zone: string): Day {
  return dayOfUtc(wallTime(instant.getTime(), zone));
}

/** The first instant of a day. Some zones begin a day at 01:00, and some pass midnight twice. */
export function startOfDay(day: Day, zone: string): Date {
  const midnight = Date.UTC(day.year, day.month - 1, day.day);
  const offsets = [-36, 0, 36].map(hours => {
    const near = midnight + hours * 3_600_000;
    return wallTime(near, zone) - near;
  });
  const candidates = offsets.map(offset => midnight - offset).sort((a, b) => a - b);
  const exact = candidates.find(instant => wallTime(instant, zone) === midnight);
  return new Date(exact ?? candidates.find(instant => wallTime(instant, zone) > midnight) ?? candidates[0]!);
}

export function plusDays(day: Day, days: number): Day {
  return dayOfUtc(Date.UTC(day.year, day.month - 1, day.day + days));
}

/** 0 is Monday. */
export function weekday(day: Day): number {
  return (new Date(Date.UTC(day.year, day.month - 1, day.day)).getUTCDay() + 6) % 7;
}

export function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

export function sameDay(a: Day, b: Day): boolean {
  return a.year === b.year && a.month === b.month && a.day === b.day;
}

/** 2026-09-08. */
export function isoDay(day: Day): string {
  return `${day.year}-${String(day.month).padStart(2, '0')}-${String(day.day).padStart(2, '0')}`;
}

export function parseDay(text: string): Day | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  const day = match && { year: Number(match[1]), month: Number(match[2]), day: Number(match[3]) };
  return day && isoDay(plusDays(day, 0)) === text ? day : null;
}

function dayOfUtc(milliseconds: number): Day {
  const date = new Date(milliseconds);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}
