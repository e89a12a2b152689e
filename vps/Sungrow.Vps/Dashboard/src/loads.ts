import { el } from './dom';
import { moment, power, text } from './format';
import { Stopwatch } from './stopwatch';
import type { Load } from './wire';

const staleAfter = 180; // s, as on the server.

/** What single loads take now, the largest first; nothing at all where none is measured. */
export class LoadList {
  private readonly list = el('ul', { class: 'loads' });
  readonly element = el(
    'section', { class: 'measured', 'aria-labelledby': 'loads', hidden: true },
    el('div', { class: 'heading' }, el('h2', { id: 'loads' }, 'Loads')), this.list);

  private loads: readonly Load[] = [];
  private since = new Stopwatch();
  private drawn = '';

  constructor(private readonly zone: string) {}

  show(loads: readonly Load[]): void {
    [this.loads, this.since, this.drawn] = [loads, new Stopwatch(), ''];
    this.element.hidden = loads.length === 0;
    this.age(true);
  }

  /** @param connected False: nobody knows what any of them takes by now. */
  age(connected: boolean): void {
    const known = this.loads.map(load => ({ ...load, stale: load.stale || !connected || load.age_s + this.since.seconds > staleAfter }));
    const drawn = known.map(load => load.stale).join();
    if (drawn === this.drawn) {
      return;
    }

    this.drawn = drawn;
    const now = new Date();
    // Of a stale one nobody knows what it takes: behind those that are known.
    known.sort((a, b) => Number(a.stale) - Number(b.stale) || b.power_w - a.power_w);
    this.list.replaceChildren(...known.map(load => el(
      'li', { class: load.stale ? 'stale' : null },
      el('span', {}, load.name ?? `${load.device_id}, channel ${load.channel}`),
      el('span', { class: 'takes' }, text(power(load.power_w)), load.stale && ` at ${moment(new Date(load.ts), now, this.zone)}`))));
  }
}
