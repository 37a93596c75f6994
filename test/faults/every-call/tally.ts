import { FAULT_KINDS, type FaultKind } from './fault-kind.ts';
import type { Injection, Verdict } from './inject.ts';
import { describeInjection } from './injections.ts';

type Counts = { injected: number; survived: number };

/** Of a job that may be done one poll earlier. */
const POLL = 'bigquery.jobs.get';

/** Counts faults by function and kind. A call that was not made this time was not injected. */
export class Tally {
  /** What was not survived, as sentences. */
  readonly failures: string[] = [];
  /** The faults that no call met, but for those of polls: the function is not what was recorded. */
  readonly notMet: string[] = [];
  readonly #cells = new Map<string, Counts>();
  readonly #functions = new Set<string>();

  add(injection: Injection, verdict: Verdict): void {
    if (verdict.outcome === 'not met') {
      if (injection.call.name !== POLL) this.notMet.push(describeInjection(injection));
      return;
    }
    const { functionName } = injection.situation;
    this.#functions.add(functionName);
    const cell = this.#cell(functionName, injection.kind);
    cell.injected += 1;
    if (verdict.outcome === 'survived') cell.survived += 1;
    else this.failures.push(`${describeInjection(injection)}: ${verdict.why}`);
  }

  /** Whether faults were injected, each where it was meant to be, and all of them were survived. */
  get isPassed(): boolean {
    return this.total.injected > 0 && this.failures.length === 0 && this.notMet.length === 0;
  }

  get total(): Counts & { by_kind: Record<string, Counts> } {
    const by_kind = Object.fromEntries(
      FAULT_KINDS.map((kind) => [kind, sum([...this.#functions].map((name) => this.#cell(name, kind)))]),
    );
    return { ...sum(Object.values(by_kind)), by_kind };
  }

  /** For people: survived of injected, a line for each kind, a column for each function. */
  table(): string[] {
    const functions = [...this.#functions].sort();
    const line = (title: string, cells: string[]) =>
      title.padEnd(32) + cells.map((cell) => cell.padStart(14)).join('');
    const rows = FAULT_KINDS.map((kind) => {
      const cells = functions.map((name) => this.#cell(name, kind));
      return line(kind, [...cells, sum(cells)].map(told));
    });
    const sums = functions.map((name) => sum(FAULT_KINDS.map((kind) => this.#cell(name, kind))));
    return [
      line('survived of injected', [...functions, 'all']),
      ...rows,
      line('all', [...sums, sum(sums)].map(told)),
    ];
  }

  #cell(functionName: string, kind: FaultKind): Counts {
    const name = `${functionName}, ${kind}`;
    const cell = this.#cells.get(name) ?? { injected: 0, survived: 0 };
    this.#cells.set(name, cell);
    return cell;
  }
}

const told = ({ survived, injected }: Counts): string => `${survived} of ${injected}`;

function sum(counts: Counts[]): Counts {
  return counts.reduce(
    (total, { injected, survived }) => ({
      injected: total.injected + injected,
      survived: total.survived + survived,
    }),
    { injected: 0, survived: 0 },
  );
}
