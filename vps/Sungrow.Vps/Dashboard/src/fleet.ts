import { api, Refused } from './api';
import { el, say } from './dom';
import { clock, count, duration, energy, share, text, unread } from './format';
import { enoughPct, fleetSummary, rowOf, type SiteRow, siteWords, type SortKey, sorted } from './sites';

const every = 30_000;

interface Column {
  readonly key: SortKey;
  readonly title: string;
  readonly text: (row: SiteRow) => string;
  /** The first click sorts this way. */
  readonly descending?: true;
}

const today = (member: 'pv' | 'load' | 'import' | 'export') => (row: SiteRow): string => text(energy(row.site.energy_today_kwh[member]));

const columns: readonly Column[] = [
  { key: 'state', title: 'State', text: row => siteWords[row.state] },
  { key: 'customer', title: 'Customer', text: row => row.site.customer },
  { key: 'site', title: 'Site', text: row => row.site.name },
  {
    key: 'contact', title: 'Last contact', descending: true,
    text: row => (row.silenceS === null ? 'never' : `${duration(row.silenceS)} ago`),
  },
  { key: 'lag', title: 'Lag', text: row => (row.site.lag_s === null ? unread : duration(row.site.lag_s)), descending: true },
  { key: 'completeness', title: 'Last 24 h', text: row => share(row.site.completeness_pct) },
  { key: 'pv', title: 'Sun', text: today('pv'), descending: true },
  { key: 'load', title: 'House', text: today('load'), descending: true },
  { key: 'import', title: 'Imported', text: today('import'), descending: true },
  { key: 'export', title: 'Exported', text: today('export'), descending: true },
];

interface Line {
  readonly element: HTMLElement;
  readonly cells: readonly HTMLElement[];
}

/** Every site of every customer, alive until stopped. A site's row is made once; what changes is its text, its place and whether it is
 * hidden. */
export class Fleet {
  readonly element: HTMLElement;
  private readonly summary = el('p', { class: 'fleet-summary' });
  private readonly trouble = el('p', { class: 'trouble', role: 'alert' });
  private readonly found = el('p', { class: 'found', role: 'status' });
  private readonly filter = el('input', {
    id: 'filter', type: 'search', autocomplete: 'off', spellcheck: 'false', placeholder: 'Customer or site', input: () => this.sift(),
  });
  private readonly heads = new Map<SortKey, HTMLElement>();
  private readonly body = el('div', { class: 'sites-body', role: 'rowgroup' });
  private readonly lines = new Map<string, Line>();
  private readonly timer: number;
  private rows: readonly SiteRow[] = [];
  private at: Date | null = null;
  private sort: { key: SortKey; descending: boolean } = { key: 'state', descending: false };
  private stopped = false;

  /** @param device The address of the viewer's own device; null where he has none. */
  constructor(device: string | null, private readonly signedOut: (why: string) => void, signOut: () => void) {
    this.element = el(
      'div', { class: 'page fleet' },
      el('header', {},
        el('img', { src: '/icon.svg', alt: '', width: 28, height: 28 }),
        el('h1', { class: 'device-name' }, 'Fleet'),
        device && el('a', { class: 'quiet', href: device }, 'My house'),
        el('button', { type: 'button', class: 'quiet', click: signOut }, 'Sign out')),
      el('main', { 'aria-busy': true },
        this.trouble, this.summary,
        el('div', { class: 'sift' }, el('label', { for: 'filter' }, 'Filter'), this.filter, this.found),
        el('div', { class: 'sites', role: 'table', 'aria-label': 'Sites' }, el('div', { role: 'rowgroup' }, this.head()), this.body),
        el('p', { class: 'help' },
          'Energy is that of the site’s own day so far. Silent: its server has pushed nothing for 15 minutes. Behind: its newest sample is '
          + 'older than 15 minutes, as an inverter’s is that sleeps at night. '
          + `Incomplete: samples cover less than ${enoughPct} % of the last 24 whole hours.`)));
    this.timer = window.setInterval(() => void this.refresh(), every);
    document.addEventListener('visibilitychange', this.onVisibility);
    document.title = 'Fleet · Sungrow';
    void this.refresh();
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
    document.removeEventListener('visibilitychange', this.onVisibility);
  }

  private readonly onVisibility = (): void => void this.refresh();

  private async refresh(): Promise<void> {
    if (document.hidden) {
      return;
    }

    try {
      const { server_time: serverTime, sites } = await api.fleet();
      if (this.stopped) {
        return;
      }

      this.at = new Date();
      say(this.trouble, '');
      this.element.classList.remove('old');
      const now = Date.parse(serverTime);
      this.show(sites.map(site => rowOf(site, now)));
    } catch (failure) {
      if (!(failure instanceof Refused)) {
        throw failure;
      }

      if (!this.stopped) {
        this.refused(failure);
      }
    }
  }

  private refused(failure: Refused): void {
    if (failure.signedOut) {
      this.signedOut('Your session has ended. Sign in again to go on.');
      return;
    }

    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const rest = this.at ? `What is shown is of ${clock(this.at, zone)}.` : 'This page asks again by itself.';
    say(this.trouble, `${failure.sentence} ${rest}`);
    this.element.classList.add('old');
  }

  private show(rows: readonly SiteRow[]): void {
    this.rows = rows;
    const seen = new Set<string>();
    for (const row of rows) {
      const key = keyOf(row);
      seen.add(key);
      const line = this.lines.get(key) ?? this.line(key);
      line.element.dataset['state'] = row.state;
      columns.forEach((column, index) => say(line.cells[index]!, column.text(row)));
    }

    for (const [key, line] of this.lines) {
      if (!seen.has(key)) {
        line.element.remove();
        this.lines.delete(key);
      }
    }

    say(this.summary, fleetSummary(rows, count));
    this.order();
    this.sift();
    this.element.querySelector('main')!.removeAttribute('aria-busy');
  }

  private line(key: string): Line {
    const cells = columns.map(({ key: name, title }) =>
      el('div', { class: name, role: name === 'site' ? 'rowheader' : 'cell', 'data-title': title }));
    const line = { element: el('div', { class: 'site-row', role: 'row' }, ...cells), cells };
    this.lines.set(key, line);
    return line;
  }

  /** Moves rows only where their order has changed: nothing else may jump. */
  private order(): void {
    const ordered = sorted(this.rows, this.sort.key, this.sort.descending).map(row => this.lines.get(keyOf(row))!.element);
    if (ordered.length !== this.body.childElementCount || ordered.some((element, index) => this.body.children[index] !== element)) {
      const { scrollY } = window;
      this.body.replaceChildren(...ordered);
      window.scrollTo(0, scrollY);
    }

    for (const [key, head] of this.heads) {
      head.setAttribute('aria-sort', key !== this.sort.key ? 'none' : this.sort.descending ? 'descending' : 'ascending');
    }
  }

  private sift(): void {
    const wanted = this.filter.value.trim().toLowerCase();
    let shown = 0;
    for (const row of this.rows) {
      const { element } = this.lines.get(keyOf(row))!;
      const hidden = !row.words.includes(wanted);
      if (element.hidden !== hidden) {
        element.hidden = hidden;
      }

      shown += Number(!hidden);
    }

    say(this.found, wanted ? `${count(shown)} of ${count(this.rows.length)} sites` : '');
  }

  private head(): HTMLElement {
    return el('div', { class: 'site-head', role: 'row' }, ...columns.map(({ key, title, descending = false }) => {
      const head = el('div', { class: key, role: 'columnheader', 'aria-sort': 'none' }, el('button', {
        type: 'button',
        click: () => {
          this.sort = { key, descending: this.sort.key === key ? !this.sort.descending : descending };
          this.order();
        },
      }, title));
      this.heads.set(key, head);
      return head;
    }));
  }
}

const keyOf = ({ site }: SiteRow): string => `${site.customer}\n${site.site_id}`;
