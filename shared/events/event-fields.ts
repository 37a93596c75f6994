import { z } from 'zod';
import { text } from '../model/text.ts';

/** The name of a view source. */
export const view = text.min(1).max(200);

/** What asks for a batch, such as the scheduler. */
export const trigger = text.max(40);

/** Why an operator stops a view. */
export const reason = text.min(1).max(500);

/** The name of an operator. */
export const operator = text.min(1).max(200);

/** The id of a recorded failure. A manual call may write it as text, as `status` shows it. */
export const failureId = z
  .union([z.number().int().positive(), z.string().regex(/^\d{1,18}$/)])
  .transform(BigInt);
