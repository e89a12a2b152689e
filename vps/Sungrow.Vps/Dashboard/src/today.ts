import { stateOf, sum, summary } from './account';
import { el, say } from './dom';
import { energy, type Figure, percent, text } from './format';
import { verdict } from './strip';
import { total } from './totals';
import type { Completeness, Energy } from './wire';

/** What today brought, and whether it is all there. */
export class Today {
  private readonly figures = el('dl', { class: 'figures' });
  private readonly crossed = el('p', { class: 'crossed-words' });
  private readonly account = el('p', { class: 'summary nothing' });
  readonly element = el(
    'section', { class: 'today', 'aria-labelledby': 'today' },
    el('div', { class: 'heading' }, el('h2', { id: 'today' }, 'Today')), this.figures, this.crossed, this.account);

  constructor() {
    this.showFigures([['sun', 'from the sun', energy(null)], ['house', 'used', energy(null)], ['own', 'autarky', percent(null)]]);
  }

  show(answer: Energy, completeness: Completeness): void {
    const day = total(answer.groups);
    this.showFigures([
      ['sun', 'from the sun', energy(day.pv_kwh)],
      ['house', 'used', energy(day.load_kwh)],
      ['own', 'autarky', percent(day.autarky_pct)],
    ]);
    say(this.crossed, answer.groups.length === 0 ? ''
      : `Bought ${text(energy(day.import_kwh))}, sold ${text(energy(day.export_kwh))}; ${text(percent(day.self_consumption_pct))} of the sun’s energy was used here.`);
    const now = new Date();
    const passed = completeness.periods.filter(period => stateOf(period, now) !== 'future');
    this.account.className = `summary ${verdict(passed, now)}`;
    say(this.account, summary(sum(passed)));
  }

  refused(sentence: string): void {
    this.account.className = 'summary unexplained';
    say(this.account, sentence);
  }

  private showFigures(figures: readonly (readonly [string, string, Figure])[]): void {
    this.figures.replaceChildren(...figures.map(([flow, label, figure]) => el(
      'div', { class: flow }, el('dt', {}, label), el('dd', {}, figure.number, el('span', { class: 'unit' }, figure.unit)))));
  }
}
