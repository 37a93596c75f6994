import { z } from 'zod';
import { operator, trigger } from './event-fields.ts';

/** How to check a view, or all. */
export const checkOptions = {
  trigger: trigger.optional(),
  mode: z.enum(['full', 'keys']).optional(),
  /** Days within which a row must have changed to be compared. */
  since: z.number().int().min(1).max(3650).optional(),
  repair: z.boolean().optional(),
  by: operator.optional(),
};

/** A check looks at whole rows, at keys, or at rows that changed lately. */
export const hasOneMode = ({ mode, since }: { mode?: unknown; since?: unknown }): boolean =>
  mode === undefined || since === undefined;
export const ONE_MODE = { error: 'cannot be given together with "mode"', path: ['since'] };
