import { formatKey } from '../../shared/model/format-key.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { LeasedCheck } from './leased-check.ts';
import type { DifferentRow } from './look-at-keys.ts';

/** More keys are not named one by one. */
const MAX_NAMED_KEYS = 100;
const SHOWN_KEYS = 5;

/** What a person must do about rows that no batch can repair: keys that have several rows, or that no row of the view can have. Null if there are none. */
export function adviseOnIrreparable(
  leased: Pick<LeasedCheck, 'check' | 'viewSource'>,
  rows: readonly Pick<DifferentRow, 'key' | 'repeats' | 'isImpossible'>[],
  { warehouse }: Pick<Dependencies, 'warehouse'>,
): string | null {
  const keysOf = (side: 'source' | 'target') =>
    rows.filter(({ repeats }) => repeats[side]).map(({ key }) => key);
  const [inSource, inTarget] = [keysOf('source'), keysOf('target')];
  const impossible = rows.filter(({ isImpossible }) => isImpossible).map(({ key }) => key);
  const advice = [
    ...(inSource.length > 0 ? [adviseOnView(leased, inSource)] : []),
    ...(inTarget.length > 0 ? [adviseOnTarget(leased, inTarget, warehouse)] : []),
    ...(impossible.length > 0 ? [adviseOnImpossible(leased, impossible, warehouse)] : []),
  ];
  return advice.length === 0 ? null : advice.join(' ');
}

const adviseOnView = ({ check }: Pick<LeasedCheck, 'check'>, keys: readonly string[]): string =>
  `View ${check.view} has several rows with the same key, for example ${keys.slice(0, SHOWN_KEYS).map(formatKey).join(', ')}: change the view so that it has one row for each key.`;

function adviseOnTarget(
  { check, viewSource }: Pick<LeasedCheck, 'check' | 'viewSource'>,
  keys: readonly string[],
  warehouse: Pick<Dependencies['warehouse'], 'deleteRowsSql' | 'dropTargetSql'>,
): string {
  const view = JSON.stringify(check.view);
  const shown = keys.slice(0, SHOWN_KEYS).map(formatKey).join(', ');
  const found = `The target has several rows with the same key, for example ${shown}: find out what else writes to it.`;
  if (viewSource.loadType === 'bq-storage-api')
    return `${found} ${adviseNewTarget({ check, viewSource }, warehouse)}`;
  const named = keys.length > MAX_NAMED_KEYS ? 'repeated' : keys;
  const payload = named === 'repeated' ? '"resync":true' : `"keys":${JSON.stringify(keys)}`;
  return `${found} Then run in BigQuery: ${warehouse.deleteRowsSql(viewSource, named)}; And send {"view":${view},${payload}} to extract, which brings each of these rows once.`;
}

function adviseOnImpossible(
  { check, viewSource }: Pick<LeasedCheck, 'check' | 'viewSource'>,
  keys: readonly string[],
  warehouse: Pick<Dependencies['warehouse'], 'deleteRowsSql' | 'dropTargetSql'>,
): string {
  const shown = keys.slice(0, SHOWN_KEYS).map(formatKey).join(', ');
  const found = `The target has rows whose keys no row of the view can have, for example ${shown}: find out what else writes to it.`;
  if (viewSource.loadType === 'bq-storage-api')
    return `${found} ${adviseNewTarget({ check, viewSource }, warehouse)}`;
  const named = warehouse.deleteRowsSql(viewSource, keys.slice(0, MAX_NAMED_KEYS));
  return `${found} Then run in BigQuery: ${named}; And check the view again.`;
}

/** BigQuery refuses to delete rows of a table that is streamed. */
const adviseNewTarget = (
  { check, viewSource }: Pick<LeasedCheck, 'check' | 'viewSource'>,
  warehouse: Pick<Dependencies['warehouse'], 'dropTargetSql'>,
): string =>
  `Then run in BigQuery: ${warehouse.dropTargetSql(viewSource)}; And send {"view":${JSON.stringify(check.view)},"resync":true} to extract, which makes the target again and loads it.`;

/** What helps if so many rows differ that no check repairs them. */
export const adviseResync = ({ check }: Pick<LeasedCheck, 'check'>): string =>
  `Find out why so many rows differ. Then send {"view":${JSON.stringify(check.view)},"resync":true} to extract.`;
