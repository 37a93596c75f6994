import { Deadline, systemClock } from '../../shared/deadline.ts';

/** A deadline that ends in about so many seconds; a tenth of them is its reserve. */
export const inSeconds = (seconds: number): Deadline => new Deadline(systemClock, seconds / 0.9);
