import { invalid } from './error.ts';

const KEY = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u;
const VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u;
const MAX_LABELS = 64;

/** @throws BigQueryError for labels that a table cannot have: https://cloud.google.com/bigquery/docs/labels-intro#requirements */
export function checkLabels(labels: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(labels)) {
    if (!KEY.test(key)) throw invalid(`Invalid label key: ${key}`);
    if (!VALUE.test(value)) throw invalid(`Invalid value of label ${key}: ${value}`);
  }
  if (Object.keys(labels).length > MAX_LABELS) throw invalid(`At most ${MAX_LABELS} labels are allowed`);
}
