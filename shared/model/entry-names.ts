import { z } from 'zod';
import { text } from './text.ts';

/** The name of a column, or of a Django app or model. */
export const name = text.min(1).max(63);

/** The name of a table, with its schema if the search path does not find it; either may be quoted. */
export const table = text.min(1).max(131);

/** A name that becomes part of BigQuery names and of object prefixes. */
export const warehouseName = z
  .string()
  .regex(
    /^[A-Za-z_]\w{0,199}$/,
    'may contain only letters, digits and underscores, and must not begin with a digit',
  );
