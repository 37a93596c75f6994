import type { Lease } from '../../shared/control/leases.ts';
import type { Deadline } from '../../shared/deadline.ts';
import type { ComparisonPlan, ConsistencyCheck, Moment } from '../../shared/model/consistency.ts';
import type { ViewSource } from '../../shared/model/view-source.ts';

/** A check that this process works on, under the lease of the check. */
export type LeasedCheck = {
  check: ConsistencyCheck;
  viewSource: ViewSource;
  lease: Lease;
  deadline: Deadline;
};

/** A check whose first look has begun. */
export type BegunCheck = LeasedCheck & { moment: Moment; plan: ComparisonPlan };
