import { el } from './dom';
import { energy, percent, text } from './format';
import type { EnergyGroup } from './wire';

type Kwh = 'pv_kwh' | 'pv_counter_kwh' | 'load_kwh' | 'import_kwh' | 'export_kwh' | 'charge_kwh' | 'discharge_kwh';

export type EnergySum = Record<Kwh, number | null> & Pick<EnergyGroup, 'self_consumption_pct' | 'autarky_pct' | 'covered_s'>;

/** The sum of several days or months. A figure that none of them has stays absent. */
export function total(groups: readonly EnergyGroup[]): EnergySum {
  const of = (name: Kwh): number | null => {
    const known = groups.map(group => group[name]).filter(value => value !== null);
    return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) : null;
  };
  const [pv, load] = [of('pv_kwh'), of('load_kwh')];
  const [bought, sold] = [of('import_kwh'), of('export_kwh')];
  return {
    pv_kwh: pv, pv_counter_kwh: of('pv_counter_kwh'), load_kwh: load, import_kwh: bought, export_kwh: sold,
    charge_kwh: of('charge_kwh'), discharge_kwh: of('discharge_kwh'),
    self_consumption_pct: groups.length === 1 ? groups[0]!.self_consumption_pct : own(sold, pv),
    autarky_pct: groups.length === 1 ? groups[0]!.autarky_pct : own(bought, load),
    covered_s: groups.reduce((sum, group) => sum + group.covered_s, 0),
  };
}

/** The server's own rule, for what is summed here: the part that did not cross the meter, in percent. */
function own(crossed: number | null, whole: number | null): number | null {
  return crossed === null || whole === null || whole <= 0 ? null : Math.min(100, Math.max(0, 100 * (1 - crossed / whole)));
}

export function totals(sum: EnergySum): HTMLElement {
  const counter = sum.pv_counter_kwh;
  return el(
    'div', { class: 'totals' },
    el('div', { class: 'pair' },
      block('sun', 'Sun', sum.pv_kwh, 'Self-consumption', sum.self_consumption_pct, [
        ['Exported', sum.export_kwh], ['Into the battery', sum.charge_kwh],
      ]),
      block('house', 'House', sum.load_kwh, 'Autarky', sum.autarky_pct, [
        ['Imported', sum.import_kwh], ['Out of the battery', sum.discharge_kwh],
      ])),
    counter !== null && sum.pv_kwh !== null && el('p', { class: 'help' }, `The inverter’s own counter says ${text(energy(counter))} from the sun.`));
}

function block(
  flow: string, title: string, kwh: number | null, shareName: string, share: number | null,
  parts: readonly (readonly [string, number | null])[],
): HTMLElement {
  const bar = el('i', {});
  bar.style.width = `${share ?? 0}%`;
  const figure = energy(kwh);
  return el(
    'div', { class: `total ${flow}` },
    el('h4', {}, title),
    el('p', { class: 'big' }, figure.number, el('span', { class: 'unit' }, figure.unit)),
    el('p', { class: 'share' }, shareName, ' ', el('b', {}, text(percent(share)))),
    el('div', { class: share === null ? 'meter unknown' : 'meter', 'aria-hidden': 'true' }, bar),
    el('dl', {}, ...parts.flatMap(([name, part]) => [el('dt', {}, name), el('dd', {}, text(energy(part)))])));
}
