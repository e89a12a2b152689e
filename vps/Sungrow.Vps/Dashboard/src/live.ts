import { api, Refused } from './api';
import type { Sample } from './wire';

/** How the newest sample reaches the page. */
export type Link = 'opening' | 'stream' | 'polling' | 'broken';

export interface LiveView {
  readonly link: Link;
  readonly sample: Sample | null;
  /** `performance.now()` when the sample came: its age grows from there, whatever this device's clock says. */
  readonly at: number;
  /** Why there is nothing newer, when the server said so. */
  readonly refused: Refused | null;
}

const tick = 1000;
const patience = 5_000; // ms without a stream until polling begins.
const pollEvery = 10_000;
const silence = 30_000; // ms in which a stream of a fast device may be silent: a dead line looks like this.
const reopenAfter = 30_000;

/** The newest sample of one device: by stream, by polling while there is no stream, and a word about which. One timer does all of it; nothing
 * runs while the page is hidden. */
export class Live {
  private view: LiveView = { link: 'opening', sample: null, at: 0, refused: null };
  private source: EventSource | null = null;
  private polling: AbortController | null = null;
  private timer = 0;
  private started = performance.now();
  private heard = performance.now();
  private polled = -Infinity;
  private closedAt = -Infinity;

  constructor(private readonly device: string, private readonly intervalS: number, private readonly show: (view: LiveView) => void) {
    document.addEventListener('visibilitychange', this.onVisibility);
    window.addEventListener('online', this.onOnline);
    this.resume();
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.onVisibility);
    window.removeEventListener('online', this.onOnline);
    this.pause();
  }

  private readonly onVisibility = (): void => (document.hidden ? this.pause() : this.resume());

  private readonly onOnline = (): void => {
    this.polled = -Infinity;
    this.open();
  };

  private pause(): void {
    clearInterval(this.timer);
    this.polling?.abort();
    this.polling = null;
    this.close();
  }

  private resume(): void {
    this.pause();
    this.started = this.heard = performance.now();
    this.open();
    this.timer = window.setInterval(() => this.watch(), tick);
    this.publish({});
  }

  private open(): void {
    this.close();
    const source = new EventSource(api.streamPath(this.device));
    source.addEventListener('open', () => {
      this.heard = performance.now();
      this.publish({ link: 'stream', refused: null });
    });
    source.addEventListener('sample', event => {
      this.heard = performance.now();
      this.take(JSON.parse((event as MessageEvent<string>).data) as Sample, 'stream');
    });
    source.addEventListener('error', () => {
      if (this.source === source && this.view.link === 'stream') {
        this.started = performance.now();
        this.publish({ link: 'opening' });
      }

      if (source.readyState === EventSource.CLOSED) {
        this.closedAt = performance.now();
      }
    });
    this.source = source;
  }

  private close(): void {
    this.source?.close();
    this.source = null;
    this.closedAt = performance.now();
  }

  private watch(): void {
    const now = performance.now();
    const open = this.source?.readyState === EventSource.OPEN;
    const quiet = now - this.heard > Math.max(silence, 3000 * this.intervalS);
    if ((open ? quiet : now - this.started > patience || this.source?.readyState === EventSource.CLOSED)
      && now - this.polled > (open ? silence : pollEvery)) {
      void this.poll();
    }

    if (this.source?.readyState === EventSource.CLOSED && now - this.closedAt > reopenAfter) {
      this.open();
    }

    this.publish({}); // Ages grow.
  }

  private async poll(): Promise<void> {
    this.polled = performance.now();
    this.polling?.abort();
    const polling = (this.polling = new AbortController());
    try {
      const sample = await api.realtime(this.device, polling.signal);
      const newer = sample.ts !== this.view.sample?.ts;
      const open = this.source?.readyState === EventSource.OPEN;
      this.take(sample, open ? 'stream' : 'polling');
      if (open && newer) {
        this.heard = performance.now();
        this.open(); // The stream was open and knew nothing of it.
      }
    } catch (failure) {
      if (!polling.signal.aborted) {
        const refused = failure instanceof Refused ? failure : new Refused(0, 'UNREADABLE');
        this.publish({ link: 'broken', refused });
      }
    }
  }

  private take(sample: Sample, link: Link): void {
    if (this.view.sample && Date.parse(sample.ts) < Date.parse(this.view.sample.ts)) {
      return; // A late answer of a poll that the stream has overtaken.
    }

    this.publish({ link, sample, at: performance.now(), refused: null });
  }

  private publish(change: Partial<LiveView>): void {
    this.view = { ...this.view, ...change };
    this.show(this.view);
  }
}
