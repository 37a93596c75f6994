import { failJob, failJobAfterEffect } from '../../emulators/bigquery/job-faults.ts';
import {
  dropAfterEffect,
  dropBefore,
  type Fault,
  type Faults,
  failAfterEffect,
  failBefore,
} from '../../emulators/faults.ts';
import type { PostgresProxy } from '../../emulators/postgres/postgres-proxy.ts';
import type { Random } from '../../smartapp/random.ts';
import type { Stack } from '../../support/stack.ts';

/** Calls of which one is chosen to fail at its next time. */
const LATEST_CALLS = 100;

/** The only call of a function to Pub/Sub; others are a test's own. */
const PUBLISH = 'pubsub.Publish';

/** Lets a call to one of Google's services fail now and then, before its effect or after it, or breaks the source's connections. */
export class RandomFaults {
  #scripted = 0;
  #broken = 0;
  readonly #stack: Stack;
  readonly #source: PostgresProxy;
  readonly #random: Random;
  readonly #chance: number;

  /** `chance`: of one fault at each `maybe`. `source`: the way to the source of those who tick. */
  constructor(stack: Stack, source: PostgresProxy, random: Random, chance: number) {
    this.#stack = stack;
    this.#source = source;
    this.#random = random;
    this.#chance = chance;
  }

  maybe(): void {
    if (!this.#random.chance(this.#chance)) return;
    const { bigquery, pubsub, storage } = this.#stack;
    const victim = this.#random.pick([bigquery, bigquery, storage, storage, pubsub, this.#source]);
    if (victim === this.#source) {
      this.#source.dropConnections();
      this.#broken += 1;
      return;
    }
    const [call, ...others] = victim.faults.calls
      .slice(-LATEST_CALLS)
      .filter((name) => victim !== pubsub || name === PUBLISH);
    if (call === undefined) return;
    this.#script(victim.faults, this.#random.pick([call, ...others]));
  }

  /** No call fails any more. Answers how many did, and how often connections broke. */
  end(): number {
    const { bigquery, pubsub, storage } = this.#stack;
    const unmet = [bigquery, pubsub, storage].flatMap(({ faults }) => faults.unused).length;
    this.#stack.clearFaults();
    return this.#scripted - unmet + this.#broken;
  }

  #script(faults: Faults, call: string): void {
    if (faults.unused.includes(call)) return;
    faults.next(call, this.#random.pick(faultsOf(call)));
    this.#scripted += 1;
  }
}

/** How a call can fail. What a job does itself fails otherwise than the calls about it; a load job that fails has loaded nothing. */
function faultsOf(call: string): [Fault, ...Fault[]] {
  if (call === 'bigquery.job.load') return [failJob('backendError')];
  if (call === 'bigquery.job.query') return [failJob('backendError'), failJobAfterEffect('backendError')];
  const status = call === 'AppendRows' || call === PUBLISH ? 'UNAVAILABLE' : 503;
  return [failBefore(status), failAfterEffect(status), dropBefore(), dropAfterEffect()];
}
