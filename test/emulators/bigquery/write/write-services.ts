import type { Faults } from '../../faults.ts';
import type { Warehouse } from '../statement/statement-context.ts';
import type { InFlight } from './in-flight.ts';

/** What the calls of the Write API share. */
export interface WriteServices {
  readonly warehouse: Warehouse;
  readonly faults: Faults;
  readonly inFlight: InFlight;
  /** A connection that sends nothing for so long is closed. */
  readonly idleConnectionSeconds: number;
}
