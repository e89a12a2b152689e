// Numbers and times as the page writes them. The page speaks English, so do its numbers; times are the site's.

const language = 'en-GB';

/** Said of a value that nobody could read; never 0. */
export const unread = '–';

const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const two = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export interface Figure {
  readonly number: string;
  readonly unit: string;
}

/** Three digits: 840 W, 4.21 kW, 12.3 kW. Without sign: direction is said in words. */
export function power(watts: number | null): Figure {
  if (watts === null) {
    return { number: unread, unit: '' };
  }

  const size = Math.abs(watts);
  if (size < 999.5) {
    return { number: whole.format(size), unit: 'W' };
  }

  return { number: (size < 9_995 ? two : one).format(size / 1000), unit: 'kW' };
}

export function energy(kwh: number | null): Figure {
  if (kwh === null) {
    return { number: unread, unit: '' };
  }

  return kwh >= 9_999.5
    ? { number: one.format(kwh / 1000), unit: 'MWh' }
    : { number: (kwh >= 999.5 ? whole : kwh >= 99.95 ? whole : one).format(kwh), unit: 'kWh' };
}

export function percent(value: number | null): Figure {
  return value === null ? { number: unread, unit: '' } : { number: whole.format(value), unit: '%' };
}

/** A no-break space keeps number and unit on one line. */
/** Rounded down: 100 % is said of what is whole alone. */
export function share(value: number | null): string {
  return value === null ? unread : `${one.format(Math.floor(value * 10) / 10)}\u00a0%`;
}

export function text(figure: Figure): string {
  return figure.unit ? `${figure.number}\u00a0${figure.unit}` : figure.number;
}

export function count(rows: number): string {
  return whole.format(rows);
}

export function samples(rows: number): string {
  return `${count(rows)} ${rows === 1 ? 'sample' : 'samples'}`;
}

/** 4 s, 3 min, 2 h, 5 days: rounded down, for ages. */
export function duration(seconds: number): string {
  const units: readonly (readonly [number, number, string])[] = [[90, 1, 's'], [7200, 60, 'min'], [172_800, 3600, 'h'], [Infinity, 86_400, 'days']];
  const [, size, unit] = units.find(([limit]) => seconds < limit)!;
  return `${Math.max(0, Math.floor(seconds / size))}\u00a0${unit}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, kind: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${kind} ${zone}`;
  let known = formats.get(key);
  if (!known) {
    known = new Intl.DateTimeFormat(language, { timeZone: zone, ...options });
    formats.set(key, known);
  }

  return known;
}

/** 13:05. */
export const clock = (instant: Date, zone: string): string =>
  format(zone, 'clock', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(instant);

/** 13:05:20. */
export const clockSeconds = (instant: Date, zone: string): string =>
  format(zone, 'seconds', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(instant);

/** 8 Sept. */
export const shortDay = (instant: Date, zone: string): string => format(zone, 'short', { day: 'numeric', month: 'short' }).format(instant);

/** Tue 8 Sept. */
export const weekDay = (instant: Date, zone: string): string =>
  format(zone, 'week', { weekday: 'short', day: 'numeric', month: 'short' }).format(instant);

/** Tue, 8 September 2026. */
export const longDay = (instant: Date, zone: string): string =>
  format(zone, 'long', { weekday: 'short', day: 'numeric', month: 'long', year: 'numeric' }).format(instant);

/** September 2026. */
export const monthAndYear = (instant: Date, zone: string): string => format(zone, 'month', { month: 'long', year: 'numeric' }).format(instant);

/** Sept. */
export const month = (instant: Date, zone: string): string => format(zone, 'mon', { month: 'short' }).format(instant);

/** 13:05 of the site's today, else 8 Sept, 13:05. */
export function moment(instant: Date, now: Date, zone: string): string {
  const day = shortDay(instant, zone);
  return day === shortDay(now, zone) && Math.abs(now.getTime() - instant.getTime()) < 86_400_000 * 2
    ? clock(instant, zone)
    : `${day}, ${clock(instant, zone)}`;
}
