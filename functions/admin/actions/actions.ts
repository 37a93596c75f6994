import { ACCEPT_COST } from './accept-cost.ts';
import type { Action } from './action.ts';
import { FORGET } from './forget.ts';
import { KEYS } from './keys.ts';
import { LOAD_TYPE } from './load-type.ts';
import { PAUSE } from './pause.ts';
import { PURGE } from './purge.ts';
import { RECHECK } from './recheck.ts';
import { RECONCILE, REPAIR } from './reconcile.ts';
import { REDRIVE, RESUME } from './resume.ts';
import { RESYNC } from './resync.ts';
import { RUN } from './run.ts';

/** All that an operator can do with a view, from the daily to the drastic. */
export const ACTIONS: readonly Action[] = [
  RUN,
  PAUSE,
  RESUME,
  REDRIVE,
  RECONCILE,
  REPAIR,
  KEYS,
  RECHECK,
  RESYNC,
  LOAD_TYPE,
  ACCEPT_COST,
  PURGE,
  FORGET,
];
