import { type Span, spans } from './period';
import { type Day, isoDay, parseDay } from './zone';

/** What the address names, so that going back, reloading and a bookmark work: #/A2240312345/week/2026-09-07. */
export interface Route {
  readonly device: string | null;
  readonly span: Span;
  /** Null: whatever holds today. */
  readonly day: Day | null;
}

export function readRoute(hash: string): Route {
  const [, device = '', span = '', day = ''] = hash.split('/');
  return { device: device ? decodeURIComponent(device) : null, span: spans.find(known => known === span) ?? 'day', day: parseDay(day) };
}

export function writeRoute(device: string, span: Span, day: Day | null): string {
  return `#/${encodeURIComponent(device)}/${span}${day ? `/${isoDay(day)}` : ''}`;
}
