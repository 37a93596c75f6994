import { FAULT_KINDS, type FaultKind } from './fault-kind.ts';
import type { Injection, Verdict } from './inject.ts';
import { describeInjection } from './injections.ts';

type Counts = { injected: number; survived: number };

/** A job may finish one poll earlier than in the recording, and a call may end before its next heartbeat. */
const isPollOrHeartbeat = (name: string): boolean =>
  name === 'bigquery.jobs.get' || name.startsWith('control: update etl.lease set expires_at');

/** Counts faults by function and kind. A fault is not injected when the function did not make its call this time. */
export class Tally {
  /** Descriptions of the faults that the functions did not survive. */
  readonly failures: string[] = [];
  /** The faults that were not injected, except in polls and heartbeats: the function no longer makes the calls that were recorded. */
  readonly notInjected: string[] = [];
  readonly #cells = new Map<string, Counts>();
  readonly #functions = new Set<string>();

  add(injection: Injection, verdict: Verdict): void {
    if (verdict.outcome === 'not injected') {
      if (!isPollOrHeartbeat(injection.call.name)) this.notInjected.push(describeInjection(injection));
      return;
    }
    const { functionName } = injection.situation;
    this.#functions.add(functionName);
    const cell = this.#cell(functionName, injection.kind);
    cell.injected += 1;
    if (verdict.outcome === 'survived') cell.survived += 1;
    else this.failures.push(`${describeInjection(injection)}: ${verdict.why}`);
  }

  /** Whether there were faults, all of them were injected, and the functions survived all of them. */
  get isPassed(): boolean {
    return this.total.injected > 0 && this.failures.length === 0 && this.notInjected.length === 0;
  }

  get total(): Counts & { by_kind: Record<string, Counts> } {
    const by_kind = Object.fromEntries(
      FAULT_KINDS.map((kind) => [kind, sum([...this.#functions].map((name) => this.#cell(name, kind)))]),
    );
    return { ...sum(Object.values(by_kind)), by_kind };
  }

  /** A readable table of survived and injected faults, with a line per kind and a column per function. */
  table(): string[] {
    const functions = [...this.#functions].sort();
    const line = (title: string, cells: string[]) =>
      title.padEnd(32) + cells.map((cell) => cell.padStart(14)).join('');
    const rows = FAULT_KINDS.map((kind) => {
      const cells = functions.map((name) => this.#cell(name, kind));
      return line(kind, [...cells, sum(cells)].map(formatCounts));
    });
    const sums = functions.map((name) => sum(FAULT_KINDS.map((kind) => this.#cell(name, kind))));
    return [
      line('survived of injected', [...functions, 'all']),
      ...rows,
      line('all', [...sums, sum(sums)].map(formatCounts)),
    ];
  }

  #cell(functionName: string, kind: FaultKind): Counts {
    const name = `${functionName}, ${kind}`;
    const cell = this.#cells.get(name) ?? { injected: 0, survived: 0 };
    this.#cells.set(name, cell);
    return cell;
  }
}

const formatCounts = ({ survived, injected }: Counts): string => `${survived} of ${injected}`;

function sum(counts: Counts[]): Counts {
  return counts.reduce(
    (total, { injected, survived }) => ({
      injected: total.injected + injected,
      survived: total.survived + survived,
    }),
    { injected: 0, survived: 0 },
  );
}
