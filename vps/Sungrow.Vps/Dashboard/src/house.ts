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
import { sessionEnded } from './signin';
import { Today } from './today';
import type { Device } from './wire';

const minute = 60_000;
const fresh = 5_000;

/** The page of one device, alive until stopped. */
export class House {
  readonly element: HTMLElement;
  private readonly now: Now;
  private readonly today: Today;
  private readonly loads: LoadList;
  private readonly site: string | null;
  private readonly past: Past;
  private readonly live: Live;
  private edge: HTMLElement;
  private connected = true;
  private stopped = false;
  private readonly timer: number;

  /** @param edgeAt When the devices were asked for: long ago, where the page has shown another one since. */
  constructor(
    private device: Device, others: readonly Device[], private edgeAt: Date, fleet: boolean,
    private readonly signedOut: (why: string) => void, signOut: () => void,
  ) {
    this.now = new Now(device);
    this.today = new Today(device.time_zone);
    this.loads = new LoadList(device.time_zone);
    this.site = others.some(other => other.site_id !== device.site_id) ? device.site_id : null;
    this.past = new Past(device, this.ended);
    this.edge = edgeStatus(device, edgeAt, null);
    this.element = el(
      'div', { class: 'page' },
      el('a', { class: 'skip', href: '#past', click: (event: MouseEvent) => {
        event.preventDefault(); // The address names a device and a period, not a place on the page.
        document.getElementById('past')?.focus();
      } }, 'Skip to history'),
      this.header(others, fleet, signOut),
      el('main', {}, el('div', { class: 'present' }, this.now.element, this.today.element, this.loads.element), this.past.element, this.edge));
    this.live = new Live(device.device_id, device.poll_interval_s ?? 10, view => this.showLive(view));
    this.timer = window.setInterval(() => void this.refresh(), minute);
    document.addEventListener('visibilitychange', this.onVisibility);
    void this.refreshToday();
    void this.refreshLoads();
    if (Date.now() - edgeAt.getTime() > fresh) {
      void this.refreshEdge();
    }

    this.follow();
  }

  /** The address has changed, and still names this device. */
  follow(): void {
    void this.past.show(readRoute(location.hash));
  }

  stop(): void {
    this.stopped = true;
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

  private readonly ended = (): void => {
    if (!this.stopped) { // Of several refusals the first leads to the sign-in; the others must not clear what is typed there.
      this.signedOut(sessionEnded);
    }
  };

  private showLive(view: LiveView): void {
    if (view.refused?.signedOut) {
      this.ended();
      return;
    }

    const { standing } = this.now.show(view);
    const connected = standing !== 'offline' && standing !== 'refused';
    if (connected !== this.connected) {
      this.connected = connected;
      void this.refresh(true); // All of the page says that it is cut off, and all of it comes back.
    }

    this.loads.age(connected);
    const { sample } = view;
    document.title = standing === 'live' && sample
      ? `Sun ${text(power(sample.pv_power_w))}, house ${text(power(sample.load_power_w))}`
      : 'Sungrow';
  }

  private async refresh(all = false): Promise<void> {
    if (document.hidden) {
      return;
    }

    const route = readRoute(location.hash);
    const past = all || route.day === null || this.past.isTroubled;
    await Promise.all([this.refreshToday(), this.refreshLoads(), this.refreshEdge(), past ? this.past.show(route) : null]);
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
      this.loads.show((await api.loads(this.site)).loads);
    } catch (failure) {
      this.refused(failure, () => undefined); // Not seen, or not now: what is shown says how old it is.
    }
  }

  private async refreshEdge(): Promise<void> {
    let refused: string | null = null;
    try {
      const { devices } = await api.devices();
      this.device = devices.find(device => device.device_id === this.device.device_id) ?? this.device;
      this.edgeAt = new Date();
    } catch (failure) {
      this.refused(failure, sentence => {
        refused = sentence;
      });
    }

    const open = this.edge.querySelector('details')?.open ?? false;
    const edge = edgeStatus(this.device, this.edgeAt, refused);
    edge.querySelector('details')!.open = open;
    this.edge.replaceWith(edge);
    this.edge = edge;
  }

  private refused(failure: unknown, say: (sentence: string) => void): void {
    if (!(failure instanceof Refused)) {
      throw failure;
    }

    if (failure.signedOut) {
      this.ended();
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
