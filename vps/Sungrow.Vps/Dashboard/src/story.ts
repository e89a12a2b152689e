import { power, text } from './format';
import type { Sample } from './wire';

/** W below which a flow is called nothing: regulators never hold exactly zero. */
export const threshold = 20;

/** + from the node into the house's inverter, - the other way. */
export interface Flows {
  readonly sun: number | null;
  readonly battery: number | null;
  readonly grid: number | null;
  readonly house: number | null;
}

export function flowsOf(sample: Sample): Flows {
  return {
    sun: sample.pv_power_w,
    battery: sample.battery_power_w,
    grid: sample.export_power_w === null ? null : -sample.export_power_w,
    house: sample.load_power_w === null ? null : -sample.load_power_w,
  };
}

const watts = (value: number): string => text(power(value));

/** What the house does, in two sentences at most. */
export function story(flows: Flows): string {
  const { sun, battery, grid, house } = flows;
  const head = sun === null ? 'What the sun gives could not be read'
    : sun < threshold ? 'No sun'
    : `The sun gives ${watts(sun)}`;
  const uses = house === null ? '' : house > threshold ? `; the house gives ${watts(house)}` : `; the house uses ${watts(house)}`;
  const rest: string[] = [];
  if (battery !== null && Math.abs(battery) >= threshold) {
    rest.push(battery < 0 ? `${watts(battery)} charge the battery` : `${watts(battery)} come from the battery`);
  }

  if (grid !== null) {
    rest.push(Math.abs(grid) < threshold ? 'next to nothing crosses the meter'
      : grid < 0 ? `${watts(grid)} go to the grid` : `${watts(grid)} come from the grid`);
  }

  const tail = rest.join(', ');
  return `${head}${uses}.${tail ? ` ${tail.charAt(0).toUpperCase()}${tail.slice(1)}.` : ''}`;
}
