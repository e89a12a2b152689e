import { el } from './dom';

/** The same figures for those who would rather read, or have them read. Built when it is opened. */
export function asTable(caption: string, head: readonly string[], rows: () => readonly (readonly string[])[]): HTMLDetailsElement {
  const details = el('details', { class: 'as-table' }, el('summary', {}, 'As a table'));
  details.addEventListener('toggle', () => {
    if (details.open && details.childElementCount === 1) {
      details.append(el('div', { class: 'scrolls', tabindex: '0', role: 'region', 'aria-label': caption }, el(
        'table', {},
        el('caption', {}, caption),
        el('thead', {}, el('tr', {}, ...head.map(title => el('th', { scope: 'col' }, title)))),
        el('tbody', {}, ...rows().map(cells => el('tr', {}, ...cells.map((cell, index) =>
          index === 0 ? el('th', { scope: 'row' }, cell) : el('td', {}, cell))))))));
    }
  });
  return details;
}
