import { createHash } from 'node:crypto';
import { FAULT_KINDS } from './fault-kind.ts';
import type { Injection } from './inject.ts';
import type { Recorded } from './lane-process.ts';
import { needsOwnProcess } from './situation.ts';

/** Returns every kind of fault for every recorded call. */
export function everyInjection(recording: readonly Recorded[]): Injection[] {
  return recording.flatMap(({ situation, calls }) =>
    calls.flatMap((call) => FAULT_KINDS.map((kind) => ({ situation, call, kind }))),
  );
}

/** Returns a sample: at most `ofEach` injections of each function, view and kind, chosen by the seed. */
export function sampleOf(injections: readonly Injection[], ofEach: number, seed: string): Injection[] {
  const hashOf = (injection: Injection) =>
    createHash('md5')
      .update(seed + describeInjection(injection))
      .digest('hex');
  const groups = Map.groupBy(
    injections,
    ({ situation, kind }) =>
      `${situation.functionName}, ${situation.view}, ${needsOwnProcess(situation)}, ${kind}`,
  );
  return [...groups.values()].flatMap((group) =>
    group
      .map((injection) => ({ injection, hash: hashOf(injection) }))
      .sort((a, b) => (a.hash < b.hash ? -1 : 1))
      .slice(0, ofEach)
      .map(({ injection }) => injection),
  );
}

/** `merge of pmr_project, incremental: control: begin #3: answer lost after the effect` */
export function describeInjection({ situation, call, kind }: Injection): string {
  const { functionName, view, work } = situation;
  return `${functionName} of ${view}, ${work}: ${call.name} #${call.nth}: ${kind}`;
}
