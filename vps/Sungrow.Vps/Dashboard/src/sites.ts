import type { FleetSite } from './wire';

// What may be said of a site, and in which order sites stand: pure.

/** The worst first. */
export const siteStates = ['silent', 'empty', 'behind', 'incomplete', 'well'] as const;
export type SiteState = (typeof siteStates)[number];

export const siteWords: Record<SiteState, string> = {
  silent: 'Silent',
  empty: 'No data yet',
  behind: 'Behind',
  incomplete: 'Incomplete',
  well: 'Well',
};

export const silentAfter = 15 * 60; // s without a push; each minute is usual.
export const behindAfter = 15 * 60;
export const enoughPct = 99;

/** A site, and what can be said of it at the server's time of the answer. */
export interface SiteRow {
  readonly site: FleetSite;
  readonly state: SiteState;
  /** Since the customer's last push; null: never. */
  readonly silenceS: number | null;
  /** What a filter looks into. */
  readonly words: string;
}

export function rowOf(site: FleetSite, serverTime: number): SiteRow {
  const silenceS = site.last_seen === null ? null : Math.max(0, (serverTime - Date.parse(site.last_seen)) / 1000);
  return { site, state: stateOf(site, silenceS), silenceS, words: `${site.customer}\n${site.name}`.toLowerCase() };
}

function stateOf(site: FleetSite, silenceS: number | null): SiteState {
  return silenceS === null || silenceS > silentAfter ? 'silent'
    : site.lag_s === null ? 'empty'
    : site.lag_s > behindAfter ? 'behind'
    : site.completeness_pct !== null && site.completeness_pct < enoughPct ? 'incomplete'
    : 'well';
}

export type SortKey = 'state' | 'customer' | 'site' | 'contact' | 'lag' | 'completeness' | 'pv' | 'load' | 'import' | 'export';

const values: Record<SortKey, (row: SiteRow) => number | string | null> = {
  state: row => siteStates.indexOf(row.state),
  customer: row => row.site.customer,
  site: row => row.site.name,
  contact: row => row.silenceS,
  lag: row => row.site.lag_s,
  completeness: row => row.site.completeness_pct,
  pv: row => row.site.energy_today_kwh.pv,
  load: row => row.site.energy_today_kwh.load,
  import: row => row.site.energy_today_kwh.import,
  export: row => row.site.energy_today_kwh.export,
};

const names = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** In order of `key`; what is not known stands last either way, and equals by customer and name. */
export function sorted(rows: readonly SiteRow[], key: SortKey, descending: boolean): SiteRow[] {
  const value = values[key];
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => compare(value(a), value(b), sign)
    || names.compare(a.site.customer, b.site.customer) || names.compare(a.site.name, b.site.name));
}

function compare(a: number | string | null, b: number | string | null, sign: number): number {
  return a === null || b === null ? Number(a === null) - Number(b === null)
    : sign * (typeof a === 'string' ? names.compare(a, String(b)) : a - Number(b));
}

const problems: readonly (readonly [SiteState, string])[] = [
  ['silent', 'silent'], ['empty', 'without data yet'], ['behind', 'behind'], ['incomplete', 'incomplete'],
];

/** The whole fleet in a line. */
export function fleetSummary(rows: readonly SiteRow[], count: (n: number) => string): string {
  if (rows.length === 0) {
    return 'No site has been pushed here yet.';
  }

  const customers = new Set(rows.map(row => row.site.customer)).size;
  const found = problems
    .map(([state, words]) => [rows.filter(row => row.state === state).length, words] as const)
    .filter(([number]) => number > 0)
    .map(([number, words]) => `${count(number)} ${words}`);
  const sites = `${count(rows.length)} ${rows.length === 1 ? 'site' : 'sites'} of `
    + `${count(customers)} ${customers === 1 ? 'customer' : 'customers'}`;
  return found.length === 0 ? `${sites}: all well.` : `${sites}: ${found.join(', ')}.`;
}
