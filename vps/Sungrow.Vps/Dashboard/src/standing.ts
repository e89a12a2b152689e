import { clock, duration, moment } from './format';
import type { LiveView } from './live';
import type { Sample } from './wire';

export type Standing = 'opening' | 'live' | 'stale' | 'offline' | 'refused' | 'empty';

export interface Said {
  readonly standing: Standing;
  /** Beside the dot: changes each second. */
  readonly brief: string;
  /** What it means, when it is not simply live. Changes only with the standing, so that it may be read aloud. */
  readonly sentence: string;
}

/** What may be said of the values on the page. `now` is `performance.now()`. */
export function standingOf(view: LiveView, intervalS: number, now: number, wall: Date, zone: string): Said {
  const { sample, refused, link } = view;
  if (refused && refused.code !== 'NO_DATA') {
    const values = sample ? ` These are the values of ${moment(new Date(sample.ts), wall, zone)}.` : '';
    return refused.status === 0
      ? { standing: 'offline', brief: 'Offline', sentence: `${refused.sentence}${values}` }
      : { standing: 'refused', brief: 'No answer', sentence: `${refused.sentence}${values}` };
  }

  if (!sample) {
    return link === 'opening' && !refused
      ? { standing: 'opening', brief: 'Connecting …', sentence: '' }
      : { standing: 'empty', brief: 'No data', sentence: 'No sample of this device has arrived yet. They appear here as soon as its edge sends the first.' };
  }

  const age = sample.age_s + (now - view.at) / 1000;
  if (sample.stale || age > Math.max(60, 3 * intervalS * sample.sample_count)) {
    const at = new Date(sample.ts);
    return {
      standing: 'stale',
      brief: `${duration(age)} old`,
      sentence: `Nothing newer has come since ${moment(at, wall, zone)}: this is what the house did then, not what it does now.`,
    };
  }

  return { standing: 'live', brief: link === 'polling' ? `${duration(age)} ago, asked` : `Live, ${duration(age)} ago`, sentence: '' };
}

export const timeOf = (sample: Sample, zone: string): string => clock(new Date(sample.ts), zone);
