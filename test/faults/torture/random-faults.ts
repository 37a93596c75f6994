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

/** The call that fails next is chosen among this many recent calls. */
const RECENT_CALLS = 100;

/** The only Pub/Sub call that a function makes; all others come from tests. */
const PUBLISH = 'pubsub.Publish';

/** At random, makes a call to a Google service fail, before or after its effect, or breaks the connections to the source. */
export class RandomFaults {
  #scripted = 0;
  #broken = 0;
  readonly #stack: Stack;
  readonly #source: PostgresProxy;
  readonly #random: Random;
  readonly #chance: number;

  /** `chance`: the probability of a fault per call of `injectSometimes`. `source`: the proxy between the functions and the source. */
  constructor(stack: Stack, source: PostgresProxy, random: Random, chance: number) {
    this.#stack = stack;
    this.#source = source;
    this.#random = random;
    this.#chance = chance;
  }

  injectSometimes(): void {
    if (!this.#random.chance(this.#chance)) return;
    const { bigquery, pubsub, storage } = this.#stack;
    const victim = this.#random.pick([bigquery, bigquery, storage, storage, pubsub, this.#source]);
    if (victim === this.#source) {
      this.#source.dropConnections();
      this.#broken += 1;
      return;
    }
    const [call, ...others] = victim.faults.calls
      .slice(-RECENT_CALLS)
      .filter((name) => victim !== pubsub || name === PUBLISH);
    if (call === undefined) return;
    this.#script(victim.faults, this.#random.pick([call, ...others]));
  }

  /** Removes the scripted faults. Returns the number of failed calls and broken connections. */
  end(): number {
    const { bigquery, pubsub, storage } = this.#stack;
    const unused = [bigquery, pubsub, storage].flatMap(({ faults }) => faults.unused).length;
    this.#stack.clearFaults();
    return this.#scripted - unused + this.#broken;
  }

  #script(faults: Faults, call: string): void {
    if (faults.unused.includes(call)) return;
    faults.next(call, this.#random.pick(faultsOf(call)));
    this.#scripted += 1;
  }
}

/** Returns the possible faults of a call. A job fails in other ways than the calls that manage it; a failed load job has loaded nothing. */
function faultsOf(call: string): [Fault, ...Fault[]] {
  if (call === 'bigquery.job.load') return [failJob('backendError')];
  if (call === 'bigquery.job.query') return [failJob('backendError'), failJobAfterEffect('backendError')];
  const status = call === 'AppendRows' || call === PUBLISH ? 'UNAVAILABLE' : 503;
  return [failBefore(status), failAfterEffect(status), dropBefore(), dropAfterEffect()];
}
