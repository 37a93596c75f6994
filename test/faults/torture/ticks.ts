/** Counts the ticks of all processes, and lets writers wait for a number of ticks. */
export class Ticks {
  count = 0;
  #waiting: { until: number; wake: () => void }[] = [];

  /** Call after each tick. */
  add(): void {
    this.count += 1;
    const due = this.#waiting.filter(({ until }) => until <= this.count);
    this.#waiting = this.#waiting.filter(({ until }) => until > this.count);
    for (const { wake } of due) wake();
  }

  /** Resolves after this many further ticks. */
  passed(ticks: number): Promise<void> {
    return new Promise((wake) => this.#waiting.push({ until: this.count + ticks, wake }));
  }
}
