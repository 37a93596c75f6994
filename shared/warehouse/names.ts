import { DataHubError } from '../errors.ts';
import type { TableShape } from '../model/columns.ts';

/** The project and datasets that hold the warehouse's objects. */
export type Datasets = { projectId: string; temp: string; target: string; view: string };

/** The full names of one view's objects, unquoted. */
export type ObjectNames = {
  temp: string;
  target: string;
  procedure: string;
  view: string;
  ledger: string;
};

const LEDGER = 'applied_batch';

export function objectNames(datasets: Datasets, shape: Pick<TableShape, 'target'>): ObjectNames {
  const { projectId, temp, target, view } = datasets;
  return {
    temp: `${projectId}.${temp}.temp_${shape.target}`,
    target: `${projectId}.${target}.${shape.target}`,
    procedure: `${projectId}.${target}.merge_${shape.target}`,
    view: `${projectId}.${view}.view_${shape.target}`,
    ledger: `${projectId}.${temp}.${LEDGER}`,
  };
}

/** The only function that quotes GoogleSQL identifiers. Throws `configuration` for characters that no BigQuery name can contain. */
export function quoted(name: string): string {
  if (/[`\\\p{Cc}]/u.test(name)) {
    throw new DataHubError('configuration', `${JSON.stringify(name)} is not a valid BigQuery name`, {
      advice: 'Rename it in the view (… as other_name) or in the view source, import, then redrive the view.',
    });
  }
  return `\`${name}\``;
}

/** A GoogleSQL string literal, on one line. */
export function stringLiteral(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  return `'${escaped.replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`;
}

/** Joins the parts of a job id, and replaces characters that BigQuery does not allow. */
export function jobId(...parts: (string | number | bigint)[]): string {
  return parts.join('_').replaceAll(/[^\w-]/g, '-');
}
