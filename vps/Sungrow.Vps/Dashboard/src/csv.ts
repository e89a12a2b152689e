import { api, Refused } from './api';
import { el, say } from './dom';
import type { Period } from './period';
import { isoDay } from './zone';

/** Buttons that fetch a file. Through fetch and not a link: only a header asks for CSV, and a refusal is a sentence instead of a broken file. */
export function downloads(device: string, period: Period): HTMLElement {
  const problem = el('p', { class: 'problem', role: 'alert' });
  // A year of raw samples is hundreds of megabytes: more than a page should hold.
  const resolution = period.span === 'year' ? '15m' : 'raw';
  const offers: readonly (readonly [string, string, () => Promise<Blob>])[] = [
    [resolution === 'raw' ? 'Samples' : 'Quarter hours', resolution, () => api.historyCsv(device, period.range, resolution)],
    ['Energy', 'energy', () => api.energyCsv(device, period.range, period.span === 'year' ? 'month' : 'day')],
  ];
  return el(
    'div', { class: 'downloads' },
    el('h3', {}, 'Download as CSV'),
    el('div', { class: 'buttons' }, ...offers.map(([label, kind, load]) => {
      const button = el('button', {
        type: 'button',
        click: () => {
          button.disabled = true;
          say(problem, '');
          load()
            .then(file => save(file, `${device}-${period.span}-${isoDay(period.first)}-${kind}.csv`))
            .catch((failure: unknown) => say(problem, failure instanceof Refused ? failure.sentence : 'The file could not be made.'))
            .finally(() => {
              button.disabled = false;
            });
        },
      }, label);
      return button;
    })),
    problem);
}

function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  el('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
