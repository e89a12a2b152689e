import { api, Refused } from './api';
import { el } from './dom';
import { edgeStatus } from './edge';
import { power, text } from './format';
import { Live, type LiveView } from './live';
import { LoadList } from './loads';
import { Now } from './now';
import { Past } from './past';
import { Period } from './period';
import { readRoute, writeRoute } from './route';
import { Today } from './today';
import type { Device } from './wire';

const minute = 60_000;

/** The page of one device, alive until stopped. */
export class House {
  readonly element: HTMLElement;
  private readonly now: Now;
  private readonly today = new Today();
  private readonly loads: LoadList;
  private readonly site: string | null;
  private readonly past: Past;
  private readonly live: Live;
  private edge: HTMLElement;
  private readonly timer: number;

  constructor(
    private device: Device, others: readonly Device[], fleet: boolean, private readonly signedOut: (why: string) => void, signOut: () => void,
  ) {
    const ended = (): void => signedOut('Your session has ended. Sign in again to go on.');
    this.now = new Now(device);
    this.loads = new LoadList(device.time_zone);
    this.site = others.some(other => other.site_id !== device.site_id) ? device.site_id : null;
    this.past = new Past(device, ended);
    this.edge = edgeStatus(device, new Date());
    this.element = el(
      'div', { class: 'page' },
      el('a', { class: 'skip', href: '#past', click: (event: MouseEvent) => {
        event.preventDefault(); // The address names a device and a period, not a place on the page.
        document.getElementById('past')?.focus();
      } }, 'Skip to history'),
      this.header(others, fleet, signOut),
      el('main', {}, el('div', { class: 'present' }, this.now.element, this.today.element, this.loads.element), this.past.element, this.edge));
    this.live = new Live(device.device_id, device.poll_interval_s ?? 10, view => this.showLive(view, ended));
    this.timer = window.setInterval(() => void this.refresh(), minute);
    document.addEventListener('visibilitychange', this.onVisibility);
    void this.refreshToday();
    void this.refreshLoads();
    this.follow();
  }

  /** The address has changed, and still names this device. */
  follow(): void {
    void this.past.show(readRoute(location.hash));
  }

  stop(): void {
    clearInterval(this.timer);
    document.removeEventListener('visibilitychange', this.onVisibility);
    this.live.stop();
    this.past.stop();
  }

  private readonly onVisibility = (): void => {
    if (!document.hidden) {
      void this.refresh();
    }
  };

  private showLive(view: LiveView, ended: () => void): void {
    if (view.refused?.signedOut) {
      ended();
      return;
    }

    const { standing } = this.now.show(view);
    const { sample } = view;
    document.title = standing === 'live' && sample
      ? `Sun ${text(power(sample.pv_power_w))}, house ${text(power(sample.load_power_w))}`
      : 'Sungrow';
  }

  private async refresh(): Promise<void> {
    if (document.hidden) {
      return;
    }

    const { day } = readRoute(location.hash);
    await Promise.all([this.refreshToday(), this.refreshLoads(), this.refreshEdge(), day === null ? this.past.show(readRoute(location.hash)) : null]);
  }

  private async refreshToday(): Promise<void> {
    const { device_id: device, time_zone: zone } = this.device;
    const { range } = Period.at('day', new Date(), zone);
    try {
      this.today.show(...(await Promise.all([api.energy(device, range, 'day'), api.completeness(device, range, 'hour')])));
    } catch (failure) {
      this.refused(failure, sentence => this.today.refused(sentence));
    }
  }

  private async refreshLoads(): Promise<void> {
    try {
      this.loads.show((await api.loads(this.site)).loads, new Date());
    } catch (failure) {
      this.refused(failure, () => undefined); // Not seen, or not now: what is shown says how old it is.
    }
  }

  private async refreshEdge(): Promise<void> {
    try {
      const { devices } = await api.devices();
      this.device = devices.find(device => device.device_id === this.device.device_id) ?? this.device;
    } catch (failure) {
      this.refused(failure, () => undefined); // Today's line says it already.
    }

    const open = this.edge.querySelector('details')?.open ?? false;
    const edge = edgeStatus(this.device, new Date());
    edge.querySelector('details')!.open = open;
    this.edge.replaceWith(edge);
    this.edge = edge;
  }

  private refused(failure: unknown, say: (sentence: string) => void): void {
    if (!(failure instanceof Refused)) {
      throw failure;
    }

    if (failure.signedOut) {
      this.signedOut('Your session has ended. Sign in again to go on.');
    } else {
      say(failure.sentence);
    }
  }

  private header(others: readonly Device[], fleet: boolean, signOut: () => void): HTMLElement {
    const { device } = this;
    const name = others.length > 1
      ? el('label', { class: 'picker' }, el('span', { class: 'hidden' }, 'Device'), el(
        'select', {
          change: (event: Event) => {
            location.hash = writeRoute((event.target as HTMLSelectElement).value, readRoute(location.hash).span, null);
          },
        },
        ...others.map(other => el('option', { value: other.device_id, selected: other === device }, title(other)))))
      : el('span', { class: 'device-name' }, title(device));
    return el(
      'header', {},
      el('img', { src: '/icon.svg', alt: '', width: 28, height: 28 }),
      el('h1', { class: 'hidden' }, `Sungrow, ${title(device)}`),
      name,
      fleet && el('a', { class: 'quiet', href: '#fleet' }, 'Fleet'),
      el('button', { type: 'button', class: 'quiet', click: signOut }, 'Sign out'));
  }
}

const title = (device: Device): string => (device.model ? `${device.model} · ${device.device_id}` : device.device_id);
