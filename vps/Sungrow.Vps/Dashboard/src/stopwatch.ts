/** Seconds since it was made. The page's own clock stands still while some phones sleep, the wall's may be set back: the one that ran further
 * is right. */
export class Stopwatch {
  private readonly tick = performance.now();
  private readonly wall = Date.now();

  get seconds(): number {
    return Math.max(performance.now() - this.tick, Date.now() - this.wall) / 1000;
  }
}
