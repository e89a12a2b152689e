import { el, say } from './dom';
import { FlowFigure } from './flow';
import type { LiveView } from './live';
import { type Said, standingOf, timeOf } from './standing';
import { flowsOf, story } from './story';
import type { Device } from './wire';

/** What the house does now. */
export class Now {
  readonly element: HTMLElement;
  private readonly figure = new FlowFigure();
  private readonly mark = el('p', { class: 'standing' });
  private readonly sentence = el('p', { class: 'warning', role: 'status' });
  private readonly told = el('p', { class: 'story' });
  private shown: string | undefined;

  constructor(private readonly device: Device) {
    this.element = el(
      'section', { class: 'now', 'aria-labelledby': 'now' },
      el('div', { class: 'heading' }, el('h2', { id: 'now' }, 'Now'), this.mark),
      this.figure.element, this.told, this.sentence);
    this.figure.show(null);
  }

  show(view: LiveView): Said {
    const zone = this.device.time_zone;
    const said = standingOf(view, this.device.poll_interval_s ?? 10, performance.now(), new Date(), zone);
    this.element.dataset['standing'] = said.standing;
    say(this.mark, said.brief);
    say(this.sentence, said.sentence);
    if (view.sample && this.shown !== view.sample.ts) {
      this.shown = view.sample.ts;
      this.figure.show(view.sample);
    }

    // Read on demand, not aloud: a sentence every ten seconds would drown everything else.
    say(this.told, view.sample ? `${said.standing === 'live' ? '' : `At ${timeOf(view.sample, zone)}: `}${story(flowsOf(view.sample))}` : '');
    return said;
  }
}
