import { el } from './dom';
import { moment, power, text } from './format';
import type { Load } from './wire';

/** What single loads take now, the largest first; nothing at all where none is measured. */
export class LoadList {
  private readonly list = el('ul', { class: 'loads' });
  readonly element = el(
    'section', { class: 'measured', 'aria-labelledby': 'loads', hidden: true },
    el('div', { class: 'heading' }, el('h2', { id: 'loads' }, 'Loads')), this.list);

  constructor(private readonly zone: string) {}

  show(loads: readonly Load[], now: Date): void {
    this.element.hidden = loads.length === 0;
    // Of a stale one nobody knows what it takes: behind those that are known.
    const ordered = [...loads].sort((a, b) => Number(a.stale) - Number(b.stale) || b.power_w - a.power_w);
    this.list.replaceChildren(...ordered.map(load => el(
      'li', { class: load.stale ? 'stale' : null },
      el('span', {}, load.name ?? `${load.device_id}, channel ${load.channel}`),
      el('span', { class: 'takes' }, text(power(load.power_w)), load.stale && ` at ${moment(new Date(load.ts), now, this.zone)}`))));
  }
}
