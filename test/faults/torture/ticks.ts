/** Counts the ticks of all processes, and wakes whoever waits for some to pass. */
export class Ticks {
  count = 0;
  #waiting: { until: number; wake: () => void }[] = [];

  /** One tick has ended. */
  add(): void {
    this.count += 1;
    const due = this.#waiting.filter(({ until }) => until <= this.count);
    this.#waiting = this.#waiting.filter(({ until }) => until > this.count);
    for (const { wake } of due) wake();
  }

  /** Resolves when so many more ticks have ended. */
  passed(ticks: number): Promise<void> {
    return new Promise((wake) => this.#waiting.push({ until: this.count + ticks, wake }));
  }
}
