import { Deadline, systemClock } from '../../shared/deadline.ts';

/** Returns a deadline whose work time, without the reserve of a tenth, is about this many seconds. */
export const inSeconds = (seconds: number): Deadline => new Deadline(systemClock, seconds / 0.9);
