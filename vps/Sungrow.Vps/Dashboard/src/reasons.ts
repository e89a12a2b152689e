import { samples } from './format';
import type { CompletenessPeriod } from './wire';

/** Why the edge has nothing to send, or cannot send it. The words are the edge's; one that is unknown here is shown as it came. */
const gapReasons: Record<string, string> = {
  edge_off: 'The edge was off',
  inverter_unreachable: 'The inverter did not answer',
  bad_read: 'The inverter’s answers could not be read',
  night: 'The inverter slept, as it does without sun',
  clock: 'Nobody vouched for the edge’s clock',
  buffer_unavailable: 'The edge could not write to its disk',
  contention: 'Another program was talking to the inverter',
  dead_lettered: 'Refused by the server, and kept on the edge as dead letters',
  evicted: 'Given up by the edge, whose buffer was full',
  corrupt: 'The edge’s file was damaged',
};

export function gapReason(reason: string): string {
  return gapReasons[reason] ?? `The edge says: ${reason.replaceAll('_', ' ')}`;
}

/** What no gap of the edge's explains. */
export function losses(period: Pick<CompletenessPeriod, 'conflicting' | 'unexplained'>): string[] {
  const { conflicting, unexplained } = period;
  return [
    ...(conflicting > 0 ? [`Set aside on the server, as other values were already stored for the same moment: ${samples(conflicting)}`] : []),
    ...(unexplained > 0 ? [`Missing, and nobody has said why yet: ${samples(unexplained)}`] : []),
  ];
}
