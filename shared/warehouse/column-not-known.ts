import { DataHubError } from '../errors.ts';

const CODE = 'column_not_known';

/** The `transient` error for rows that the Storage Write API refused because its table has no column for one of their fields. */
export function columnNotKnown({ message, context, cause }: DataHubError): DataHubError {
  return new DataHubError(
    'transient',
    `${message}; the rows wait until the Storage Write API knows the columns of the table`,
    { context: { ...context, code: CODE }, cause },
  );
}

export const isColumnNotKnown = (error: unknown): error is DataHubError =>
  error instanceof DataHubError && error.context.code === CODE;
