import { DataHubError } from '../errors.ts';

const COLUMN = 'column_not_known';
const TABLE = 'table_not_known';

/** The `transient` error for rows that the Storage Write API refused because its table has no column for one of their fields. */
export function columnNotKnown({ message, context, cause }: DataHubError): DataHubError {
  return new DataHubError(
    'transient',
    `${message}; the rows wait until the Storage Write API knows the columns of the table`,
    { context: { ...context, code: COLUMN }, cause },
  );
}

/** The `transient` error for rows that the Storage Write API refused for what may be the types of an earlier table of the same name. */
export function tableNotKnown({ message, context, cause }: DataHubError): DataHubError {
  return new DataHubError(
    'transient',
    `${message}; the target is a new table, and the rows wait until the Storage Write API knows it`,
    {
      context: { ...context, code: TABLE },
      cause,
      advice:
        'Nothing to do: the functions retry by themselves. If the rows are still refused an hour after the table was made, the view halts.',
    },
  );
}

export const isColumnNotKnown = (error: unknown): error is DataHubError =>
  error instanceof DataHubError && error.context.code === COLUMN;

/** Whether the Write API does not know the columns or the table yet. */
export const isSchemaNotKnown = (error: unknown): boolean =>
  isColumnNotKnown(error) || (error instanceof DataHubError && error.context.code === TABLE);
