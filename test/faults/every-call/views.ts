import type { Pair } from '../../local/compare/compare.ts';
import { PROJECT_ENTRY, pairOfEntry, STREAMED_ENTRY } from '../../support/installation.ts';
import type { Table } from '../../support/sample-source.ts';

export type ViewName = 'pmr_project' | 'xyz_incident';

export interface ViewUnderTest {
  name: ViewName;
  applier: 'merge' | 'stream';
  table: Table;
  pair: Pair;
  /** Whether the view has the column `updated_at`, which a check with "since" needs. */
  isTimed: boolean;
  /** The values of a row in the table, without its id. */
  fields(text: string): Record<string, unknown>;
}

export const VIEWS: Readonly<Record<ViewName, ViewUnderTest>> = {
  pmr_project: {
    name: 'pmr_project',
    applier: 'merge',
    table: 'app_project',
    pair: pairOfEntry(PROJECT_ENTRY),
    isTimed: true,
    fields: (text) => ({ name: text, share: '0.125', opened: '2026-01-02T03:04:05.678Z' }),
  },
  xyz_incident: {
    name: 'xyz_incident',
    applier: 'stream',
    table: 'app_incident',
    pair: pairOfEntry(STREAMED_ENTRY),
    isTimed: false,
    fields: (text) => ({ type: text, inventory_id: 7, owner: 'Kai' }),
  },
};
