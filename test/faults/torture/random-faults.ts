import { failJob, failJobAfterEffect } from '../../emulators/bigquery/job-faults.ts';
import {
  dropAfterEffect,
  dropBefore,
  type Fault,
  type Faults,
  failAfterEffect,
  failBefore,
} from '../../emulators/faults.ts';
import type { Stack } from '../../integration/functions/stack.ts';
import type { Random } from '../../smartapp/random.ts';

/** Never chosen: when it fails, Google's client throws where nobody can catch it, which ends a process. */
const FATAL_CALL = 'storage.objects.download';
/** Calls of which one is chosen to fail at its next time. */
const LATEST_CALLS = 100;

/** Lets a call to BigQuery or Cloud Storage fail now and then, before its effect or after it. */
export class RandomFaults {
  scripted = 0;
  readonly #stack: Stack;
  readonly #random: Random;
  readonly #chance: number;

  /** `chance`: of one fault at each `maybe`. */
  constructor(stack: Stack, random: Random, chance: number) {
    this.#stack = stack;
    this.#random = random;
    this.#chance = chance;
  }

  maybe(): void {
    if (!this.#random.chance(this.#chance)) return;
    const faults = this.#random.pick([this.#stack.bigquery.faults, this.#stack.storage.faults]);
    const [call, ...others] = faults.calls.slice(-LATEST_CALLS).filter((name) => name !== FATAL_CALL);
    if (call === undefined) return;
    this.#script(faults, this.#random.pick([call, ...others]));
  }

  /** No call fails any more. Answers how many did. */
  end(): number {
    const { bigquery, storage } = this.#stack;
    const met = this.scripted - bigquery.faults.unused.length - storage.faults.unused.length;
    this.#stack.clearFaults();
    return met;
  }

  #script(faults: Faults, call: string): void {
    if (faults.unused.includes(call)) return;
    faults.next(call, this.#random.pick(faultsOf(call)));
    this.scripted += 1;
  }
}

/** How a call can fail. What a job does itself fails otherwise than the calls about it; a load job that fails has loaded nothing. */
function faultsOf(call: string): [Fault, ...Fault[]] {
  if (call === 'bigquery.job.load') return [failJob('backendError')];
  if (call === 'bigquery.job.query') return [failJob('backendError'), failJobAfterEffect('backendError')];
  const status = call === 'AppendRows' ? 'UNAVAILABLE' : 503;
  return [failBefore(status), failAfterEffect(status), dropBefore(), dropAfterEffect()];
}
