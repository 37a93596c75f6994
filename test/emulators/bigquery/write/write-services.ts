import type { Faults } from '../../faults.ts';
import type { Warehouse } from '../statement/statement-context.ts';
import type { InFlight } from './in-flight.ts';
import type { KnownSchemas } from './known-schemas.ts';

/** What all connections of the Write API share. */
export interface WriteServices {
  readonly warehouse: Warehouse;
  readonly schemas: KnownSchemas;
  readonly faults: Faults;
  readonly inFlight: InFlight;
  /** How long a connection may send nothing before it is closed. */
  readonly idleConnectionSeconds: number;
}
