import { svg } from './dom';
import { type Figure, percent, power } from './format';
import { type Flows, flowsOf, threshold } from './story';
import type { Sample } from './wire';

type Node = keyof Flows;

interface Place {
  readonly x: number;
  readonly y: number;
  /** From the node's rim to the inverter's. */
  readonly path: string;
  /** Where the arrowhead sits, and its turn when the flow is towards the inverter. */
  readonly arrow: readonly [number, number, number];
  /** Words for a flow out of the node, into it, and for none. */
  readonly words: readonly [string, string, string];
}

const radius = 46;
const places: Record<Node, Place> = {
  sun: { x: 180, y: 50, path: 'M180 97V130', arrow: [180, 113, 90], words: ['from the sun', 'into the panels', 'no sun'] },
  grid: { x: 52, y: 152, path: 'M99 152H158', arrow: [128, 152, 0], words: ['from the grid', 'to the grid', 'next to nothing'] },
  house: { x: 308, y: 152, path: 'M261 152H202', arrow: [232, 152, 180], words: ['from the house', 'used now', 'used now'] },
  battery: { x: 180, y: 254, path: 'M180 207V174', arrow: [180, 190, -90], words: ['discharging', 'charging', 'at rest'] },
};

const names: Record<Node, string> = { sun: 'Sun', grid: 'Grid', house: 'House', battery: 'Battery' };

const icons: Record<Node, string> = {
  sun: 'M0-4.2a4.2 4.2 0 1 0 0 8.4a4.2 4.2 0 1 0 0-8.4M0-9.4v2.2M0 7.2v2.2M-9.4 0h2.2M7.2 0h2.2M-6.6-6.6l1.5 1.5M5.1 5.1l1.5 1.5M6.6-6.6l-1.5 1.5M-5.1 5.1l-1.5 1.5',
  grid: 'M-6 9L-2.4-8h4.8L6 9M-8-3.5H8M-6.6-8H6.6M-4.6 3L3.6-3M4.6 3L-3.6-3M-4.6 3H4.6',
  house: 'M-9 0L0-8L9 0M-6.6-2V8H6.6V-2M-2 8V2.5H2V8',
  battery: 'M-8-4.5H6.5V4.5H-8ZM8.6-1.6V1.6M-5.2-1.8V1.8M-2.2-1.8V1.8M.8-1.8V1.8',
};

interface Drawn {
  readonly group: SVGGElement;
  readonly value: SVGTextElement;
  readonly words: SVGTextElement;
  readonly line: SVGPathElement;
  readonly dots: SVGPathElement;
  readonly arrow: SVGPathElement;
}

/** The live power flow: four nodes around the inverter, as they are wired. Direction is an arrow and a word, size is a number and the width of a
 * line; movement only repeats it. */
export class FlowFigure {
  readonly element: SVGSVGElement;
  private readonly drawn: Record<Node, Drawn>;
  private readonly charge: SVGCircleElement;
  private readonly level = svg('text', { class: 'value', x: 238, y: 252 });
  private readonly levelWords = svg('text', { class: 'words', x: 238, y: 268 });
  private battery = false;

  constructor() {
    const nodes = Object.keys(places) as Node[];
    this.charge = svg('circle', { class: 'charge', r: radius, pathLength: 100, transform: 'rotate(-90)' });
    this.drawn = Object.fromEntries(nodes.map(node => [node, this.draw(node)])) as Record<Node, Drawn>;
    this.element = svg(
      'svg', { class: 'flow', viewBox: '0 0 360 304', 'aria-hidden': 'true' },
      ...nodes.flatMap(node => [this.drawn[node].line, this.drawn[node].dots]),
      svg('g', { class: 'inverter', transform: 'translate(180 152)' },
        svg('rect', { x: -22, y: -22, width: 44, height: 44, rx: 10 }),
        svg('path', { d: 'M-11 5L11-5M-11-3.5h7M-11-7h7M3 6.5c1.4-3 2.6-3 4 0s2.6 3 4 0' })),
      ...nodes.map(node => this.drawn[node].arrow),
      ...nodes.map(node => this.drawn[node].group),
      svg('g', { class: 'level battery' }, this.level, this.levelWords));
  }

  show(sample: Sample | null): void {
    const flows = sample && flowsOf(sample);
    this.battery ||= sample !== null && (sample.battery_power_w !== null || sample.battery_soc_pct !== null);
    const without = sample !== null && !this.battery;
    this.element.classList.toggle('without-battery', without);
    this.element.setAttribute('viewBox', `0 0 360 ${without ? 206 : 304}`);
    for (const node of Object.keys(places) as Node[]) {
      this.showNode(node, flows ? flows[node] : null, sample !== null);
    }

    const soc = sample?.battery_soc_pct ?? null;
    this.charge.setAttribute('stroke-dasharray', `${soc ?? 0} 100`);
    this.level.replaceChildren(...(soc === null ? [] : figure(percent(soc))));
    this.levelWords.textContent = soc === null ? '' : 'charged';
  }

  private showNode(node: Node, watts: number | null, known: boolean): void {
    const { group, value, words, line, dots, arrow } = this.drawn[node];
    const place = places[node];
    const flowing = watts !== null && Math.abs(watts) >= threshold;
    const inwards = watts !== null && watts > 0;
    value.replaceChildren(...figure(power(watts)));
    words.textContent = watts === null ? (known ? 'could not be read' : '') : place.words[flowing ? (inwards ? 0 : 1) : 2];
    group.classList.toggle('idle', !flowing);
    for (const part of [line, dots, arrow]) {
      part.classList.toggle('idle', !flowing);
      part.classList.toggle('outwards', flowing && !inwards);
    }

    const size = flowing ? Math.min(1, Math.abs(watts) / 6000) : 0;
    line.style.strokeWidth = `${(2 + 6 * Math.sqrt(size)).toFixed(1)}`;
    dots.style.animationDuration = `${(2.4 - 1.7 * Math.sqrt(size)).toFixed(1)}s`;
    const [x, y, turn] = place.arrow;
    arrow.setAttribute('transform', `translate(${x} ${y}) rotate(${inwards ? turn : turn + 180})`);
  }

  private draw(node: Node): Drawn {
    const { x, y, path } = places[node];
    const value = svg('text', { class: 'value', y: 8 });
    const words = svg('text', { class: 'words', y: 25 });
    const group = svg(
      'g', { class: `node ${node}`, transform: `translate(${x} ${y})` },
      svg('circle', { class: 'rim', r: radius }),
      node === 'battery' && this.charge,
      svg('path', { class: 'icon', transform: 'translate(0 -22)', d: icons[node] }),
      value, words, svg('title', {}, names[node]));
    return {
      group, value, words,
      line: svg('path', { class: `line ${node}`, d: path }),
      dots: svg('path', { class: `dots ${node}`, d: path }),
      arrow: svg('path', { class: `arrow ${node}`, d: 'M-5-6L6 0L-5 6Z' }),
    };
  }
}

const figure = ({ number, unit }: Figure): (string | SVGElement)[] => (unit ? [number, svg('tspan', { class: 'unit', dx: 3 }, unit)] : [number]);
