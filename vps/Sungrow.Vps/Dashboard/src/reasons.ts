import { samples } from './format';
import type { CompletenessPeriod } from './wire';

/** Why the edge has nothing to send. The words are the edge's; one that is unknown here is shown as it came. */
const gapReasons: Record<string, string> = {
  edge_off: 'The edge was off',
  inverter_unreachable: 'The inverter did not answer',
  bad_read: 'The inverter’s answers could not be read',
  night: 'The inverter slept, as it does without sun',
  clock: 'Nobody vouched for the edge’s clock',
  buffer_unavailable: 'The edge could not write to its disk',
  contention: 'Another program was talking to the inverter',
};

export function gapReason(reason: string): string {
  return gapReasons[reason] ?? `The edge says: ${reason.replaceAll('_', ' ')}`;
}

/** Where rows went that the edge had, or why nobody knows. */
export function losses(period: Pick<CompletenessPeriod, 'conflicting' | 'dead_lettered' | 'evicted' | 'unexplained'>): string[] {
  return [
    [period.conflicting, 'kept aside on the server: other values were already stored for the same moment'],
    [period.dead_lettered, 'refused by the server and kept on the edge as dead letters'],
    [period.evicted, 'given up by the edge, whose buffer was full'],
    [period.unexplained, 'missing, and nobody has said why yet'],
  ].filter(([rows]) => (rows as number) > 0).map(([rows, why]) => `${samples(rows as number)} ${why}`);
}
