import { el } from './dom';
import { duration, moment, samples } from './format';
import type { Device } from './wire';

const silent = 180_000; // ms: three reports missed.

interface Line {
  readonly good: boolean;
  readonly text: string;
}

/** How the edge and the inverter are, in words. */
export function edgeStatus(device: Device, now: Date): HTMLElement {
  const facts: [string, string | null][] = [
    ['Device', device.device_id],
    ['Inverter', [device.model, device.serial !== device.device_id ? device.serial : null].filter(Boolean).join(', ') || null],
    ['Site', device.site_id],
    ['Time zone', device.time_zone],
    ['Asked every', device.poll_interval_s === null ? null : duration(device.poll_interval_s)],
    ['Last sample', device.last_sample && moment(new Date(device.last_sample), now, device.time_zone)],
    ['Last contact', device.last_seen && moment(new Date(device.last_seen), now, device.time_zone)],
    ['First contact', device.first_seen && moment(new Date(device.first_seen), now, device.time_zone)],
  ];
  return el(
    'section', { class: 'edge', 'aria-labelledby': 'edge' },
    el('div', { class: 'heading' }, el('h2', { id: 'edge' }, 'Edge and inverter')),
    el('ul', { class: 'checks' }, ...lines(device, now).map(line => el('li', { class: line.good ? 'good' : 'bad' }, line.text))),
    el('details', { class: 'facts' }, el('summary', {}, 'Details'),
      el('dl', {}, ...facts.flatMap(([name, value]) => (value ? [el('dt', {}, name), el('dd', {}, value)] : [])))));
}

function lines(device: Device, now: Date): Line[] {
  if (device.status !== 'ACTIVE') {
    return [{ good: false, text: `This device is ${device.status.toLowerCase()}: the server takes nothing from it any more.` }];
  }

  if (device.last_seen === null) {
    return [{ good: false, text: 'The edge of this device has never reported.' }];
  }

  const seen = new Date(device.last_seen);
  const quiet = now.getTime() - seen.getTime();
  if (quiet > silent) {
    return [{
      good: false,
      text: `The edge has not been heard since ${moment(seen, now, device.time_zone)}. What it reads meanwhile is kept in its buffer and comes later.`,
    }];
  }

  const waiting = device.waiting_rows ?? 0;
  // A sample may be newer than the report, and knows better.
  const answers = device.reachable || (device.last_sample !== null && Date.parse(device.last_sample) > seen.getTime());
  return [
    { good: true, text: `The edge reported ${duration(quiet / 1000)} ago.` },
    ...(device.reachable === null ? [] : [answers
      ? { good: true, text: 'The inverter answers.' }
      : { good: false, text: 'The inverter does not answer the edge.' }]),
    waiting === 0 ? { good: true, text: 'Nothing waits on the edge.' }
      : { good: true, text: `At that report ${samples(waiting)} waited on the edge, and will come.` },
  ];
}
